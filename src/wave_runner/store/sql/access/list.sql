SELECT token_id, person, role, granted_by, granted_at, expires_at, used_at, revoked_by, revoked_at,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'in force' END AS state
FROM access_tokens
WHERE %(token_id)s::bigint IS NULL OR token_id = %(token_id)s
ORDER BY token_id
