-- What goes wrong, by kind: the settled failures, what waits for another try after one, and answers that are doubted.
SELECT s.name AS step, a.name AS actor,
       CASE i.state WHEN 'pending' THEN 'retrying' WHEN 'completed' THEN 'doubted' ELSE i.state::text END AS state,
       i.error_class, i.rule,
       count(*) AS n, count(DISTINCT i.record_id) AS records,
       sum(greatest(i.attempt - 1, 0))::bigint AS retries,
       max(i.finished_at) AS newest
FROM interactions i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
WHERE i.run_id = %(run_id)s AND (i.error IS NOT NULL OR i.rule IS NOT NULL)
  AND (i.state IN ('failed', 'quarantined') OR (i.state = 'pending' AND i.error_class IS NOT NULL)
       OR (i.state = 'completed' AND i.rule IS NOT NULL))
GROUP BY s.name, a.name, i.state, i.error_class, i.rule
ORDER BY n DESC, step, state, i.rule
