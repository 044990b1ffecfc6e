INSERT INTO http_sessions (token_id, own_sha256, sha256, expires_at)
VALUES (%(token_id)s, %(own_sha256)s, %(sha256)s, now() + make_interval(secs => %(lasts_s)s))
RETURNING session_id, expires_at
