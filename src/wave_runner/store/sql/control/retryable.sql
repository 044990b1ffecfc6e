-- What can be tried again, by what is wrong with it.
SELECT i.run_id, s.name AS step, i.state::text AS state, i.error_class, i.rule, count(*) AS n, count(DISTINCT i.record_id) AS records,
       to_hex(bit_xor(hashint8extended(i.interaction_id, i.seq))) AS which
FROM retryable i JOIN run_steps rs USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.run_step_id = ANY (%(run_step_ids)s::bigint[])
  AND i.state::text = coalesce(%(state)s, i.state::text)
  AND i.error_class IS NOT DISTINCT FROM coalesce(%(error_class)s, i.error_class)
  AND i.rule IS NOT DISTINCT FROM coalesce(%(rule)s, i.rule)
  AND (%(key)s::text IS NULL OR i.record_id IN (SELECT record_id FROM records WHERE key = %(key)s))
GROUP BY i.run_id, rs.position, s.name, i.state, i.error_class, i.rule
ORDER BY i.run_id, rs.position, i.state, n DESC
