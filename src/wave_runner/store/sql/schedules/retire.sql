-- Schedules that the folder no longer has are never due.
UPDATE schedules SET next_at = NULL, blocked_at = NULL, blocked_by = NULL
WHERE next_at IS NOT NULL AND name <> ALL (%(names)s::text[])
