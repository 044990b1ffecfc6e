-- Makes what the folder holds the approved definition, and what the server holds the approved weights; the actor works again.
UPDATE actors a
SET definition_id = d.definition_id, drifted_to_id = NULL, weights = coalesce(a.weights_found, a.weights), weights_found = NULL,
    drifted_at = NULL, policy = %(policy)s
FROM definitions d, actors before
WHERE a.name = %(name)s AND d.kind = 'actor' AND d.name = %(name)s AND d.sha256 = %(sha256)s AND before.actor_id = a.actor_id
  AND (a.definition_id <> d.definition_id OR a.state = 'drifted' OR a.policy <> %(policy)s)
RETURNING a.actor_id, d.definition_id, before.weights_found AS weights
