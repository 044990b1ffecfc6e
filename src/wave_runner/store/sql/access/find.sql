-- Who was given a token. That it is used is written down once a minute at most: it is asked for at every question.
WITH used AS (
    UPDATE access_tokens SET used_at = now()
    WHERE token_id = %(token_id)s AND sha256 = %(sha256)s AND revoked_at IS NULL AND expires_at > now()
      AND (used_at IS NULL OR used_at < now() - interval '1 minute')
)
SELECT token_id, person, role, sha256, expires_at, expires_at <= now() AS expired, revoked_at IS NOT NULL AS revoked
FROM access_tokens
WHERE token_id = %(token_id)s
