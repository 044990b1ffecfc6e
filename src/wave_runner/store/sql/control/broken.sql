-- What control/retryable counts, one by one, each as it stands.
SELECT i.run_id, i.interaction_id, i.seq
FROM retryable i
WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.run_step_id = ANY (%(run_step_ids)s::bigint[])
  AND i.state::text = coalesce(%(state)s, i.state::text)
  AND i.error_class IS NOT DISTINCT FROM coalesce(%(error_class)s, i.error_class)
  AND i.rule IS NOT DISTINCT FROM coalesce(%(rule)s, i.rule)
  AND (%(key)s::text IS NULL OR i.record_id IN (SELECT record_id FROM records WHERE key = %(key)s))
ORDER BY i.run_id, i.interaction_id
