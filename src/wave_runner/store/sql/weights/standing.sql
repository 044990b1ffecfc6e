-- What is approved of an actor's weights, and whether these are of the model that its approved definition names: a run that
-- has pinned an older one goes on with that. A server may list a name with the tag that goes without saying.
SELECT a.weights, a.weights_found, a.policy,
       said.settings ->> 'server' = %(server)s
       AND %(model)s IN (said.settings ->> 'model', (said.settings ->> 'model') || ':latest') AS is_approved
FROM actors a
JOIN definitions d USING (definition_id)
CROSS JOIN LATERAL (SELECT convert_from(d.body, 'UTF8')::json -> 'settings' AS settings) AS said
WHERE a.name = %(actor)s
