-- Records each change of what a server holds once, however often it is looked at.
UPDATE actors SET weights_found = %(digest)s, drifted_at = coalesce(drifted_at, clock_timestamp())
WHERE name = %(actor)s AND weights <> %(digest)s AND weights_found IS DISTINCT FROM %(digest)s
RETURNING weights AS approved, policy
