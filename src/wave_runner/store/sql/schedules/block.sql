UPDATE schedules SET blocked_at = %(blocked_at)s, blocked_by = %(blocked_by)s WHERE name = %(name)s
