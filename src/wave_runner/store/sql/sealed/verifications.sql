-- When the whole log was verified, the newest first; `log_index` is NULL until that is sealed itself.
SELECT e.recorded_at, e.data, l.log_index
FROM interaction_events e LEFT JOIN event_log l USING (event_id)
WHERE e.run_id = 0 AND e.type = 'log_verified'
ORDER BY e.event_id DESC
LIMIT %(most)s
