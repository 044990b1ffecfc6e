-- What is not finished of some steps, or of one record in them, by step and state.
SELECT i.run_id, s.name AS step, i.state::text AS state, count(*) AS n, count(DISTINCT i.record_id) AS records
FROM interactions i JOIN run_steps rs USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.run_step_id = ANY (%(run_step_ids)s::bigint[]) AND i.finished_at IS NULL
  AND (%(record_id)s::bigint IS NULL OR i.record_id = %(record_id)s)
GROUP BY i.run_id, rs.position, s.name, i.state
ORDER BY i.run_id, rs.position, i.state
