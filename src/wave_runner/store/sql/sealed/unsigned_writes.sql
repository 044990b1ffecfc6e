-- What events say of values that were changed, and is not signed yet: in no entry so far, or in one behind what is signed.
SELECT e.data
FROM log_state s
JOIN interaction_events e ON e.xid >= pg_snapshot_xmin(s.last_snapshot)
LEFT JOIN event_log l ON l.event_id = e.event_id
WHERE e.type = 'values_written' AND l.log_index IS NULL
UNION ALL
SELECT e.data
FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
WHERE l.log_index >= %(size)s AND e.type = 'values_written'
