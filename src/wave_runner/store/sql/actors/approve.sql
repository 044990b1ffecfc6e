-- Makes what the folder holds the approved definition, and what the server holds the approved weights; the actor works again.
-- Where the definition names another model, its weights are approved when they are first asked.
UPDATE actors a
SET definition_id = d.definition_id, drifted_to_id = NULL, drifted_at = NULL, policy = %(policy)s, weights_found = NULL,
    weights = CASE WHEN before.model IS NOT DISTINCT FROM convert_from(d.body, 'UTF8')::json #>> '{settings,model}'
                    AND before.server IS NOT DISTINCT FROM convert_from(d.body, 'UTF8')::json #>> '{settings,server}'
                   THEN coalesce(a.weights_found, a.weights) END
FROM definitions d,
     (SELECT b.actor_id, b.weights_found, convert_from(o.body, 'UTF8')::json #>> '{settings,model}' AS model,
             convert_from(o.body, 'UTF8')::json #>> '{settings,server}' AS server
      FROM actors b JOIN definitions o USING (definition_id)) AS before
WHERE a.name = %(name)s AND d.kind = 'actor' AND d.name = %(name)s AND d.sha256 = %(sha256)s AND before.actor_id = a.actor_id
  AND (a.definition_id <> d.definition_id OR a.state = 'drifted' OR a.policy <> %(policy)s)
RETURNING a.actor_id, d.definition_id, CASE WHEN a.weights = before.weights_found THEN a.weights END AS weights
