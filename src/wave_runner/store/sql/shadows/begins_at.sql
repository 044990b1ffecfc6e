-- Where in the log a run begins: at its first event or, while that is in no entry yet, behind the last one.
SELECT coalesce(
    (SELECT l.log_index
     FROM (SELECT event_id FROM interaction_events WHERE run_id = %(run_id)s ORDER BY event_id LIMIT 1) AS first JOIN event_log l USING (event_id)),
    (SELECT next_index FROM log_state),
    0) AS log_index
