-- Executed against saved, by step: interactions that completed, and those of them that wrote a value.
WITH savers AS MATERIALIZED (
    SELECT DISTINCT interaction_id FROM saved_values WHERE run_id = %(run_id)s
)
SELECT s.name AS step, count(*) FILTER (WHERE i.state = 'completed') AS executed, count(w.interaction_id) AS saved
FROM interactions i
JOIN run_steps rs USING (run_step_id)
JOIN steps s USING (step_id)
LEFT JOIN savers w USING (interaction_id)
WHERE i.run_id = %(run_id)s AND i.record_id IS NOT NULL
GROUP BY s.name, rs.position
ORDER BY rs.position
