-- Whether anything may be sealed, or signed, without a lock: most looks find nothing. Only transactions that began before this
-- moment can be seen, which leaves out what another cluster has numbered further. A last snapshot that is ahead of the present
-- one is another cluster's, too: copies of one image call themselves the same.
SELECT s.origin, s.next_index, s.public_key, s.stopped, s.trouble,
       s.target_snapshot IS NOT NULL OR s.system_identifier IS DISTINCT FROM control.system_identifier
           OR pg_snapshot_xmax(s.last_snapshot) > pg_snapshot_xmax(pg_current_snapshot())
           OR EXISTS (SELECT FROM interaction_events e
                      WHERE e.xid >= pg_snapshot_xmax(s.last_snapshot) AND e.xid < pg_snapshot_xmax(pg_current_snapshot())
                        AND e.event_id > s.floor_event_id)
           OR EXISTS (SELECT FROM interaction_events e
                      WHERE e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(s.last_snapshot))) AND e.event_id > s.floor_event_id)
           AS unsealed,
       s.next_index > coalesce((SELECT max(size) FROM log_checkpoints), 0) AS unsigned
FROM log_state s, pg_control_system() AS control
