-- Records each change of its file once, however often it is looked at.
UPDATE workflows w SET drifted_to_id = d.definition_id, drifted_at = coalesce(w.drifted_at, clock_timestamp())
FROM definitions d
WHERE w.name = %(name)s AND d.kind = 'workflow' AND d.name = %(path)s AND d.sha256 = %(sha256)s
  AND w.definition_id <> d.definition_id
  AND w.drifted_to_id IS DISTINCT FROM d.definition_id
RETURNING w.workflow_id
