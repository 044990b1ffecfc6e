-- Events that no entry is of, and that no seal will take up: the last one should have, or their transactions are none of this
-- server's. Where the log goes on in another cluster, the next seal takes up whatever is missing.
SELECT e.event_id
FROM interaction_events e
CROSS JOIN log_state s
CROSS JOIN pg_control_system() AS control
WHERE s.system_identifier = control.system_identifier AND pg_snapshot_xmax(s.last_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())
  AND (e.event_id <= s.floor_event_id OR e.xid >= pg_snapshot_xmax(pg_current_snapshot())
       OR pg_visible_in_snapshot(e.xid, s.last_snapshot))
  AND NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.event_id AND l.run_id = e.run_id)
ORDER BY e.event_id
LIMIT %(most)s
