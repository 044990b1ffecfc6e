-- The stretch of the log that holds every event that was recorded in a time.
SELECT min(l.log_index) AS first, max(l.log_index) + 1 AS end
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s AND l.log_index < %(size)s
