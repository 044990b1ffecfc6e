-- The largest number of an event whose transaction this cluster has not given out yet, or not finished: it was restored.
SELECT coalesce(max(event_id), 0) AS floor
FROM interaction_events
WHERE xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, %(snapshot)s::pg_snapshot)
