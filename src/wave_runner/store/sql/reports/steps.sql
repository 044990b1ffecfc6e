-- Every step of the run, in the order of the file, with what its actor's time was. Only what was handed to the actor
-- has a time: an interaction stopped by its contract before the call counts in the states, not in the durations.
SELECT s.name AS step, min(rs.position) AS position, a.name AS actor, a.kind,
       coalesce(sum(greatest(i.attempt - 1, 0)), 0)::bigint AS retries,
       avg(i.service_us) FILTER (WHERE i.service_us > 0)::float8 AS average_us,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY i.service_us) FILTER (WHERE i.service_us > 0) AS median_us
FROM run_steps rs
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
LEFT JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id
WHERE rs.run_id = %(run_id)s
GROUP BY s.name, a.name, a.kind
ORDER BY position
