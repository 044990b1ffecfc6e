-- Every account, and for that of an actor the newest step that it does: what the actor allows is pinned there.
SELECT c.kind, c.name, d.body AS step
FROM accounts c
LEFT JOIN actors a ON c.kind = 'actor' AND a.name = c.name
LEFT JOIN LATERAL (
    SELECT definition_id FROM run_steps WHERE actor_id = a.actor_id ORDER BY run_step_id DESC LIMIT 1
) AS newest ON true
LEFT JOIN definitions d ON d.definition_id = newest.definition_id
ORDER BY c.kind DESC, c.name
