-- The run, and no experiment, that was started last of those whose beginning stands before an index of the log.
SELECT r.run_id
FROM workflow_runs r
CROSS JOIN LATERAL (
    SELECT event_id FROM interaction_events WHERE run_id = r.run_id ORDER BY event_id LIMIT 1
) AS beginning
JOIN event_log l USING (event_id)
WHERE l.log_index < %(before)s AND CASE WHEN %(run_id)s::bigint IS NULL THEN r.kind = 'run' ELSE r.run_id = %(run_id)s END
ORDER BY r.run_id DESC
LIMIT 1
