INSERT INTO access_tokens (person, role, sha256, granted_by, expires_at)
VALUES (%(person)s, %(role)s, %(sha256)s, %(by)s, now() + make_interval(days => %(days)s))
RETURNING token_id
