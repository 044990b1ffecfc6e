-- One runner decides about a schedule; another that comes at the same time finds it locked, or not due any more.
SELECT cron, timezone, next_at, blocked_at, blocked_by, clock_timestamp() AS now
FROM schedules
WHERE name = %(name)s AND next_at <= clock_timestamp()
FOR UPDATE SKIP LOCKED
