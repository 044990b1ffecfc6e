-- How the log stands: what is sealed, signed and behind. An event is behind once it is committed; `behind_s` is the age of the oldest.
SELECT s.origin, s.next_index, s.public_key, s.stopped, s.stopped_at, s.stopped_because, s.trouble, s.troubled_at,
       c.size AS signed_size, c.note, c.signed_at,
       s.system_identifier IS NOT NULL AND (s.system_identifier IS DISTINCT FROM control.system_identifier
           OR pg_snapshot_xmax(s.last_snapshot) > pg_snapshot_xmax(pg_current_snapshot())) AS restored,
       behind.n AS unsealed, coalesce(extract(epoch FROM clock_timestamp() - behind.oldest), 0)::float8 AS behind_s,
       extract(epoch FROM clock_timestamp() - c.signed_at)::float8 AS signed_age_s
FROM log_state s
CROSS JOIN pg_control_system() AS control
LEFT JOIN LATERAL (SELECT size, note, signed_at FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS c ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(recorded_at) AS oldest
    FROM (
        SELECT e.event_id, e.recorded_at FROM interaction_events e
        WHERE e.xid >= pg_snapshot_xmax(s.last_snapshot) AND e.xid < pg_snapshot_xmax(pg_current_snapshot())
        UNION ALL
        SELECT e.event_id, e.recorded_at FROM interaction_events e WHERE s.last_snapshot IS NULL
        UNION ALL
        SELECT e.event_id, e.recorded_at FROM interaction_events e
        WHERE e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(s.last_snapshot)))
    ) AS e
    WHERE e.event_id > greatest(s.floor_event_id, coalesce(s.after_event_id, 0))
) AS behind
