SELECT s.name AS step, rs.position, a.name AS actor, a.kind, c.state::text AS state, sum(c.n)::bigint AS n
FROM (
    SELECT run_id, run_step_id, state, n FROM counts WHERE run_id = %(run_id)s
    UNION ALL
    SELECT run_id, run_step_id, state, delta FROM count_deltas WHERE run_id = %(run_id)s
) AS c
JOIN run_steps rs ON rs.run_step_id = c.run_step_id
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
GROUP BY s.name, rs.position, a.name, a.kind, c.state
HAVING sum(c.n) <> 0
ORDER BY rs.position, c.state
