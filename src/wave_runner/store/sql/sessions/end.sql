UPDATE http_sessions SET ended_at = now() WHERE session_id = %(session_id)s AND ended_at IS NULL RETURNING session_id
