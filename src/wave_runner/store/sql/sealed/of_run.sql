SELECT l.log_index
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.run_id = %(run_id)s AND l.log_index < %(size)s
