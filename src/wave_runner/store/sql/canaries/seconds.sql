-- The median time of steps, of the newest results of each: a canary is small, the run before may be large.
SELECT steps.name AS step, (percentile_cont(0.5) WITHIN GROUP (ORDER BY newest.service_us)) / 1e6 AS seconds
FROM unnest(%(steps)s::text[]) AS steps (name)
CROSS JOIN LATERAL (
    SELECT i.service_us FROM interactions i JOIN run_steps rs USING (run_step_id) JOIN steps s USING (step_id)
    WHERE i.run_id = %(run_id)s AND s.name = steps.name AND i.record_id IS NOT NULL AND i.in_force AND i.state = 'completed'
    ORDER BY i.interaction_id DESC
    LIMIT %(most)s
) AS newest
GROUP BY steps.name
