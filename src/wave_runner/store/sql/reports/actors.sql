-- Who did how much. An execution is an attempt that was handed to the actor and is charged to it; what its contract
-- stopped before the first one says nothing about the actor, and what was answered by a recorded answer was handed to nobody.
SELECT a.name AS actor, a.kind, a.state,
       coalesce(sum(i.attempt), 0)::bigint - count(h.interaction_id) AS executions,
       coalesce(sum(greatest(i.attempt - 1, 0)), 0)::bigint AS retries,
       count(*) FILTER (WHERE i.state = 'completed') AS completed,
       count(*) FILTER (WHERE i.state IN ('failed', 'quarantined') AND i.attempt > 0) AS broken,
       min(i.service_us) FILTER (WHERE i.service_us > 0) AS min_us,
       avg(i.service_us) FILTER (WHERE i.service_us > 0)::float8 AS average_us,
       max(i.service_us) FILTER (WHERE i.service_us > 0) AS max_us
FROM run_steps rs
JOIN actors a USING (actor_id)
LEFT JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id
LEFT JOIN hits h ON h.run_id = i.run_id AND h.interaction_id = i.interaction_id
WHERE rs.run_id = %(run_id)s
GROUP BY a.name, a.kind, a.state
ORDER BY executions DESC, a.name
