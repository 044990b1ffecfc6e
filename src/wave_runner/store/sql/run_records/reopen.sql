-- Records of which something is tried again: under way, without a verdict.
WITH given AS (
    SELECT run_id, record_id, count(*)::int AS more
    FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[]) AS g (run_id, record_id)
    GROUP BY run_id, record_id
), locked AS MATERIALIZED (
    SELECT r.run_id, r.record_id, g.more
    FROM run_records r JOIN given g USING (run_id, record_id)
    ORDER BY r.run_id, r.record_id
    FOR UPDATE OF r
)
UPDATE run_records r SET live = r.live + l.more, state = 'live', broken = NULL, settled_at = NULL
FROM locked l
WHERE r.run_id = l.run_id AND r.record_id = l.record_id
