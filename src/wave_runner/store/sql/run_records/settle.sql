UPDATE run_records r
SET state = CASE WHEN g.broken IS NULL THEN 'completed' ELSE 'incomplete' END, broken = g.broken, settled_at = clock_timestamp()
FROM unnest(%(record_ids)s::bigint[], %(broken)s::text[]) AS g (record_id, broken)
WHERE r.run_id = %(run_id)s AND r.record_id = ANY (%(record_ids)s::bigint[]) AND r.record_id = g.record_id AND r.state = 'ended'
RETURNING r.correlation_id::text AS flow, r.state
