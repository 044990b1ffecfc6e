SELECT EXISTS (SELECT FROM access_tokens WHERE revoked_at IS NULL AND expires_at > now()) AS any
