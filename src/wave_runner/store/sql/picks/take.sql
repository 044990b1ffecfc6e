-- The next chunk of what an order still has to be carried out about, taken from it. What people are asked is known by its step.
WITH taken AS (
    DELETE FROM picked
    WHERE pick_id = %(pick_id)s AND interaction_id = ANY (ARRAY(
        SELECT interaction_id FROM picked WHERE pick_id = %(pick_id)s ORDER BY interaction_id LIMIT %(size)s))
    RETURNING interaction_id, seq
)
SELECT i.run_id, t.interaction_id, t.seq, a.kind = 'human' AS of_people
FROM taken t
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = t.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN actors a ON a.actor_id = rs.actor_id
ORDER BY t.interaction_id
