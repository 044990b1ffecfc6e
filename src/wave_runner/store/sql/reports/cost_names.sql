-- What lines of a report of costs are of, in their order. One look by key for each: PostgreSQL 15 else reads all records, since it does
-- not know how few lines there are.
SELECT s.name AS step, a.name AS model, r.key AS record
FROM unnest(%(steps)s::bigint[], %(actors)s::bigint[], %(records)s::bigint[]) WITH ORDINALITY AS d (run_step_id, actor_id, record_id, place)
LEFT JOIN run_steps rs USING (run_step_id)
LEFT JOIN steps s USING (step_id)
LEFT JOIN actors a ON a.actor_id = d.actor_id
LEFT JOIN LATERAL (SELECT key FROM records WHERE record_id = d.record_id LIMIT 1) AS r ON true
ORDER BY d.place
