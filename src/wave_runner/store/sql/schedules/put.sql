-- What the folder says. A schedule that is new, has come back, or says other times than before is asked from now on;
-- one that is as it was keeps its place, and with it what it has missed.
INSERT INTO schedules (name, cron, timezone, next_at)
VALUES (%(name)s, %(cron)s, %(timezone)s, %(next_at)s)
ON CONFLICT (name) DO UPDATE
SET cron = excluded.cron, timezone = excluded.timezone, next_at = excluded.next_at, blocked_at = NULL, blocked_by = NULL
WHERE schedules.next_at IS NULL OR (schedules.cron, schedules.timezone) <> (excluded.cron, excluded.timezone)
