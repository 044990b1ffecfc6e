-- Whose a session is. It lasts no longer than the access token that it was opened with, which is used with it: once a minute
-- at most, as access/find.sql has it.
WITH used AS (
    UPDATE access_tokens t SET used_at = now()
    FROM http_sessions s
    WHERE s.session_id = %(session_id)s AND s.sha256 = %(sha256)s AND s.ended_at IS NULL AND s.expires_at > now()
      AND t.token_id = s.token_id AND t.revoked_at IS NULL AND t.expires_at > now()
      AND (t.used_at IS NULL OR t.used_at < now() - interval '1 minute')
)
SELECT s.sha256, s.own_sha256, s.ended_at IS NOT NULL AS ended, t.token_id, t.person, t.role,
       least(s.expires_at, t.expires_at) AS expires_at,
       least(s.expires_at, t.expires_at) <= now() AS expired,
       t.revoked_at IS NOT NULL AS revoked
FROM http_sessions s LEFT JOIN access_tokens t USING (token_id)
WHERE s.session_id = %(session_id)s
