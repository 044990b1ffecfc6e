UPDATE access_tokens SET revoked_at = now(), revoked_by = %(by)s
WHERE token_id = %(token_id)s AND revoked_at IS NULL
RETURNING token_id
