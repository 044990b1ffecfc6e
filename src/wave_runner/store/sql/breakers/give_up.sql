-- Whoever was to try it has not: nothing was left to try it with, or something else stood in the way. Changes nothing where
-- something has come of it.
UPDATE breakers SET position = 'open', probe_by = NULL, retry_at = clock_timestamp() + make_interval(secs => %(pause_s)s)
WHERE kind = %(kind)s AND name = %(name)s AND position = 'half_open' AND probe_by = %(runner_id)s
