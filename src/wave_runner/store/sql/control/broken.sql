-- What control/retryable counts, one by one, each as it stands.
SELECT i.run_id, i.interaction_id, i.seq
FROM interactions i
WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.run_step_id = ANY (%(run_step_ids)s::bigint[])
  AND i.state IN ('failed', 'quarantined') AND i.error IS NOT NULL AND i.in_force AND NOT i.handled AND NOT i.erased
  AND i.state::text = coalesce(%(state)s, i.state::text)
  AND i.error_class IS NOT DISTINCT FROM coalesce(%(error_class)s, i.error_class)
  AND i.rule IS NOT DISTINCT FROM coalesce(%(rule)s, i.rule)
  AND (%(key)s::text IS NULL OR i.record_id IN (SELECT record_id FROM records WHERE key = %(key)s))
  AND NOT EXISTS (SELECT FROM run_records mine JOIN run_records o USING (workflow_id, record_id)
                  WHERE mine.run_id = i.run_id AND mine.record_id = i.record_id AND o.run_id <> i.run_id AND o.state = 'live')
ORDER BY i.run_id, i.interaction_id
