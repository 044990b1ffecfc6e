SELECT w.name, w.policy, w.drifted_at, d.definition_id, d.sha256, d.body, d.approved_at, d.approved_by,
       n.sha256 AS drifted_sha256, n.body AS drifted_body
FROM workflows w
JOIN definitions d ON d.definition_id = w.definition_id
LEFT JOIN definitions n ON n.definition_id = w.drifted_to_id
ORDER BY w.name
