-- What is picked, by whether it can be tried again: why it cannot, NULL where it can. As in control/retryable.
SELECT s.name AS step, i.state::text AS state, c.why, count(*) AS n,
       to_hex(bit_xor(hashint8extended(p.interaction_id, p.seq))) AS which
FROM picked p
LEFT JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = p.interaction_id
LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
LEFT JOIN steps s ON s.step_id = rs.step_id
LEFT JOIN actors a ON a.actor_id = rs.actor_id
LEFT JOIN workflow_runs r ON r.run_id = i.run_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN i.seq IS DISTINCT FROM p.seq THEN 'changed'
                WHEN r.cancelled_at IS NOT NULL THEN 'cancelled_run'
                WHEN i.state NOT IN ('failed', 'quarantined') THEN 'not_broken'
                WHEN NOT i.in_force THEN 'superseded'
                WHEN i.erased THEN 'erased'
                WHEN a.kind = 'human' THEN 'of_people'
                WHEN i.handled THEN 'handled'
                WHEN EXISTS (SELECT FROM run_records mine JOIN run_records o USING (workflow_id, record_id)
                             WHERE mine.run_id = i.run_id AND mine.record_id = i.record_id AND o.run_id <> i.run_id
                               AND o.state = 'live') THEN 'under_way' END AS why
) AS c
WHERE p.pick_id = %(pick_id)s
GROUP BY rs.position, s.name, i.state, c.why
ORDER BY rs.position, s.name, i.state, c.why
