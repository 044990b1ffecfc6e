WITH done AS (
    SELECT a.name, i.*, (SELECT count(*) FROM interaction_events e WHERE e.run_id = i.run_id AND e.interaction_id = i.interaction_id
                         AND e.type = 'interaction_started') AS begun
    FROM run_steps rs JOIN actors a USING (actor_id) LEFT JOIN interactions i USING (run_id, run_step_id)
    WHERE rs.run_id = %(run_id)s
), by_actor AS (
    SELECT name, sum(begun) AS executions, sum(greatest(begun - 1, 0)) AS retries,
           count(*) FILTER (WHERE state = 'completed') AS completed,
           count(*) FILTER (WHERE state IN ('failed', 'quarantined') AND begun > 0) AS broken,
           min(service_us) FILTER (WHERE service_us > 0) AS min_us, avg(service_us) FILTER (WHERE service_us > 0) AS average_us,
           max(service_us) FILTER (WHERE service_us > 0) AS max_us
    FROM done GROUP BY name
)
SELECT jsonb_build_object('run_id', %(run_id)s, 'actors', jsonb_agg(
    to_jsonb(b) - 'name' || jsonb_build_object('success_percent', round(100.0 * completed / nullif(completed + broken, 0), 1))
    ORDER BY executions DESC, name))
FROM by_actor b
