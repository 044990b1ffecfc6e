-- Interactions that were begun once more, which is not signed yet: in no entry so far, or in one behind what is signed. Their last
-- input has taken the place of the one that is signed.
SELECT e.run_id, e.interaction_id
FROM log_state s
JOIN interaction_events e ON e.xid >= pg_snapshot_xmin(s.last_snapshot)
LEFT JOIN event_log l ON l.event_id = e.event_id
WHERE e.type = 'interaction_started' AND e.seq > 1 AND l.log_index IS NULL
UNION
SELECT e.run_id, e.interaction_id
FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
WHERE l.log_index >= %(size)s AND e.type = 'interaction_started' AND e.seq > 1
