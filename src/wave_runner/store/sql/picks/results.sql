-- What is picked and has not changed since, step by step.
SELECT s.name AS step, array_agg(p.interaction_id) AS ids
FROM picked p
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = p.interaction_id AND i.seq = p.seq
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
WHERE p.pick_id = %(pick_id)s
GROUP BY s.name
ORDER BY s.name
