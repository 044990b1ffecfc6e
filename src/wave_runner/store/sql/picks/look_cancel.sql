-- What is picked, by whether it can be cancelled: why it cannot, NULL where it can. What is blocked goes with what it waits for.
SELECT s.name AS step, i.state::text AS state, c.why, count(*) AS n,
       to_hex(bit_xor(hashint8extended(p.interaction_id, p.seq))) AS which
FROM picked p
LEFT JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = p.interaction_id
LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
LEFT JOIN steps s ON s.step_id = rs.step_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN i.seq IS DISTINCT FROM p.seq THEN 'changed'
                WHEN i.state = 'blocked' THEN 'blocked'
                WHEN i.finished_at IS NOT NULL THEN 'ended' END AS why
) AS c
WHERE p.pick_id = %(pick_id)s
GROUP BY rs.position, s.name, i.state, c.why
ORDER BY rs.position, s.name, i.state, c.why
