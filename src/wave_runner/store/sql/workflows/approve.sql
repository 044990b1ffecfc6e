UPDATE workflows w SET definition_id = d.definition_id, drifted_to_id = NULL, drifted_at = NULL, policy = %(policy)s
FROM definitions d
WHERE w.name = %(name)s AND d.kind = 'workflow' AND d.name = %(path)s AND d.sha256 = %(sha256)s
  AND (w.definition_id <> d.definition_id OR w.drifted_to_id IS NOT NULL OR w.policy <> %(policy)s)
RETURNING d.definition_id
