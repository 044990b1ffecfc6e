SELECT a.actor_id, a.name, a.kind, a.state, a.policy, a.weights, a.weights_found, a.drifted_at,
       d.definition_id, d.sha256, d.body, d.approved_at, d.approved_by,
       n.sha256 AS drifted_sha256, n.body AS drifted_body
FROM actors a
JOIN definitions d ON d.definition_id = a.definition_id
LEFT JOIN definitions n ON n.definition_id = a.drifted_to_id
ORDER BY a.name
