-- The results of a run's records that count.
SELECT i.interaction_id FROM interactions i
WHERE i.run_id = %(run_id)s AND i.record_id = ANY (%(record_ids)s::bigint[]) AND i.in_force AND i.state = 'completed'
ORDER BY i.interaction_id
