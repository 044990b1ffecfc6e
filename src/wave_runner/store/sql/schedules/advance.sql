UPDATE schedules SET next_at = %(next_at)s, blocked_at = NULL, blocked_by = NULL WHERE name = %(name)s
