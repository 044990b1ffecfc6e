-- Records each change of what a folder holds once, however often it is looked at.
UPDATE actors a SET drifted_to_id = d.definition_id, drifted_at = coalesce(a.drifted_at, clock_timestamp())
FROM definitions d
WHERE a.name = %(name)s AND d.kind = 'actor' AND d.name = %(name)s AND d.sha256 = %(sha256)s
  AND a.definition_id <> d.definition_id
  AND a.drifted_to_id IS DISTINCT FROM d.definition_id
RETURNING a.actor_id
