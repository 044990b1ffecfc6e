-- What the folder says. A schedule that is new, has come back, or says other times than before is asked from now on;
-- one that is as it was keeps its place, and with it what it has missed. That one is not even locked, which ON CONFLICT
-- alone would do: a runner that compares its folder must not keep another one from firing.
INSERT INTO schedules (name, cron, timezone, next_at)
SELECT %(name)s, %(cron)s, %(timezone)s, %(next_at)s
WHERE NOT EXISTS (
    SELECT FROM schedules
    WHERE name = %(name)s AND next_at IS NOT NULL AND cron = %(cron)s AND timezone = %(timezone)s)
ON CONFLICT (name) DO UPDATE
SET cron = excluded.cron, timezone = excluded.timezone, next_at = excluded.next_at, blocked_at = NULL, blocked_by = NULL
WHERE schedules.next_at IS NULL OR (schedules.cron, schedules.timezone) <> (excluded.cron, excluded.timezone)
