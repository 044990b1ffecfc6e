-- What has been said of a run as a whole, before an index of the log: the last of it.
SELECT e.type::text AS type, e.recorded_at
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.run_id = %(run_id)s AND e.interaction_id IS NULL AND l.log_index < %(before)s
  AND e.type IN ('run_started', 'run_completed', 'run_failed', 'run_cancelled', 'paused', 'resumed', 'cancelled', 'retried',
                 'rerun_started', 'rerun_undone', 'invalidated')
ORDER BY l.log_index DESC
LIMIT 1
