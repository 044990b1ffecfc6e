-- What is picked, by whether a person can give all of it one answer: why not, NULL where they can.
SELECT s.name AS step, i.state::text AS state, c.why, count(*) AS n,
       to_hex(bit_xor(hashint8extended(p.interaction_id, p.seq))) AS which
FROM picked p
LEFT JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = p.interaction_id
LEFT JOIN tasks t ON t.run_id = %(run_id)s AND t.interaction_id = p.interaction_id
LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
LEFT JOIN steps s ON s.step_id = rs.step_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN i.seq IS DISTINCT FROM p.seq THEN 'changed'
                WHEN t.interaction_id IS NULL THEN 'no_task'
                WHEN t.decided_at IS NOT NULL THEN 'decided'
                WHEN NOT t.bulk THEN 'one_by_one'
                WHEN t.round > 1 THEN 'sent_back'
                WHEN t.claimed_by <> %(person)s AND t.claim_expires_at > clock_timestamp() THEN 'claimed' END AS why
) AS c
WHERE p.pick_id = %(pick_id)s
GROUP BY rs.position, s.name, i.state, c.why
ORDER BY rs.position, s.name, i.state, c.why
