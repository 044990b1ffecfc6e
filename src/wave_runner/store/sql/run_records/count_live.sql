-- `live` changes only at forks, joins and ends. Locked in one order: two waves may hold different branches of the same
-- records.
WITH given AS (
    SELECT run_id, record_id, sum(delta)::int AS delta
    FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[], %(deltas)s::int[]) AS g (run_id, record_id, delta)
    GROUP BY run_id, record_id
    HAVING sum(delta) <> 0
), locked AS MATERIALIZED (
    SELECT r.run_id, r.record_id, g.delta
    FROM run_records r JOIN given g USING (run_id, record_id)
    ORDER BY r.run_id, r.record_id
    FOR UPDATE OF r
)
UPDATE run_records r
SET live = r.live + l.delta, state = CASE WHEN r.live + l.delta = 0 THEN 'ended' ELSE r.state END
FROM locked l
WHERE r.run_id = l.run_id AND r.record_id = l.record_id
