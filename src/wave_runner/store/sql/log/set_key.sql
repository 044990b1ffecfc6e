UPDATE log_state SET public_key = %(public_key)s
