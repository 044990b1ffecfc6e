-- Makes what the folder holds the approved definition, and lets the actor work again.
UPDATE actors a SET state = 'active', definition_id = d.definition_id, drifted_to_id = NULL
FROM definitions d
WHERE a.name = %(name)s AND d.kind = 'actor' AND d.name = %(name)s AND d.sha256 = %(sha256)s
  AND (a.definition_id <> d.definition_id OR a.state = 'drifted')
RETURNING a.actor_id, d.definition_id
