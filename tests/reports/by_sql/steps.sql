SELECT jsonb_build_object('run_id', %(run_id)s, 'steps', jsonb_agg(jsonb_build_object(
    'total', (SELECT count(*) FROM interactions i WHERE i.run_step_id = rs.run_step_id AND in_force),
    'finished', (SELECT count(*) FROM interactions i WHERE i.run_step_id = rs.run_step_id AND in_force AND finished_at IS NOT NULL),
    'states', coalesce((SELECT jsonb_object_agg(state, n) FROM (
        SELECT state, count(*) AS n FROM interactions i WHERE i.run_step_id = rs.run_step_id AND in_force GROUP BY state) AS s), '{}'),
    'success_percent', (
        SELECT round(100.0 * count(*) FILTER (WHERE state = 'completed') / nullif(count(*), 0), 1)
        FROM interactions i WHERE i.run_step_id = rs.run_step_id AND state IN ('completed', 'failed', 'quarantined')),
    'retries', (
        SELECT count(*) - count(DISTINCT e.interaction_id) FROM interaction_events e JOIN interactions i USING (run_id, interaction_id)
        WHERE i.run_step_id = rs.run_step_id AND e.type = 'interaction_started'),
    'average_us', (SELECT avg(service_us) FROM interactions i WHERE i.run_step_id = rs.run_step_id AND service_us > 0),
    'median_us', (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY service_us) FROM interactions i
        WHERE i.run_step_id = rs.run_step_id AND service_us > 0)
    ) ORDER BY rs.position))
FROM run_steps rs WHERE rs.run_id = %(run_id)s
