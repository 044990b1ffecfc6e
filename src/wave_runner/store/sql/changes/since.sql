-- What has become visible since a snapshot, by run and kind, and the snapshot of this look. In two halves, so that each goes by the
-- index: what began after that snapshot, and what ran at its moment.
WITH fresh AS (
    SELECT DISTINCT run_id, split_part(type::text, '_', 1) AS kind
    FROM (
        SELECT run_id, type, xid FROM interaction_events WHERE xid >= pg_snapshot_xmax(%(seen)s::pg_snapshot)
        UNION ALL
        SELECT run_id, type, xid FROM interaction_events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(seen)s::pg_snapshot)))
    ) AS e
)
SELECT pg_current_snapshot()::text AS seen,
       coalesce((SELECT array_agg(DISTINCT run_id ORDER BY run_id) FROM fresh WHERE run_id > 0), '{}') AS runs,
       coalesce((SELECT array_agg(DISTINCT kind ORDER BY kind) FROM fresh), '{}') AS kinds
