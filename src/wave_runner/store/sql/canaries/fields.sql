-- What stands in fields of outputs, of the newest results of each step: each value with how often it is there, and its length.
SELECT g.step, g.field, value, length(value) AS length, count(*) AS n
FROM unnest(%(steps)s::text[], %(fields)s::text[]) AS g (step, field)
CROSS JOIN LATERAL (
    SELECT i.output::json ->> g.field AS value FROM interactions i JOIN run_steps rs USING (run_step_id) JOIN steps s USING (step_id)
    WHERE i.run_id = %(run_id)s AND s.name = g.step AND i.record_id IS NOT NULL AND i.in_force AND i.state = 'completed' AND NOT i.erased
    ORDER BY i.interaction_id DESC
    LIMIT %(most)s
) AS newest
WHERE value IS NOT NULL
GROUP BY g.step, g.field, value
