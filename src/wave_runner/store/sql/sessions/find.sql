-- Whose a session is. It lasts no longer than the access token that it was opened with.
SELECT s.sha256, s.own_sha256, s.ended_at IS NOT NULL AS ended, t.token_id, t.person, t.role,
       least(s.expires_at, t.expires_at) AS expires_at,
       least(s.expires_at, t.expires_at) <= now() AS expired,
       t.revoked_at IS NOT NULL AS revoked
FROM sessions s LEFT JOIN access_tokens t USING (token_id)
WHERE s.session_id = %(session_id)s
