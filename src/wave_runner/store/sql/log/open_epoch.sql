UPDATE log_state
SET origin = %(origin)s, public_key = %(public_key)s, stopped = NULL, stopped_at = NULL, stopped_because = NULL
