-- Every event that the last seal has seen is in the log, each entry of an event has its event unless that was dropped, and no index is
-- missing.
SELECT e.run_id, e.interaction_id, 'event ' || e.event_id || ' is not in the log' AS says
FROM interaction_events e
CROSS JOIN log_state s
WHERE s.target_snapshot IS NULL AND s.system_identifier = (SELECT system_identifier FROM pg_control_system())
  AND pg_visible_in_snapshot(e.xid, s.last_snapshot)
  AND NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.event_id)
UNION ALL
SELECT l.run_id, NULL, 'entry ' || l.log_index || ' is of event ' || l.event_id || ', which is not there'
FROM event_log l
WHERE l.event_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM interaction_events e WHERE e.run_id = l.run_id AND e.event_id = l.event_id)
  AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE l.run_id >= g.first_run AND l.run_id < g.following)
UNION ALL
SELECT NULL, NULL, 'the log has ' || l.n || ' entries, and the next index is ' || s.next_index
FROM log_state s
CROSS JOIN (SELECT count(*) AS n, coalesce(max(log_index) + 1, 0) AS after FROM event_log) AS l
WHERE l.n <> s.next_index OR l.after <> s.next_index
