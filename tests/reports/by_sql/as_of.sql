WITH known AS (
    SELECT e.*, l.log_index FROM interaction_events e JOIN event_log l USING (event_id)
    WHERE e.run_id = %(run_id)s AND l.log_index < %(before)s
), stood AS (
    SELECT DISTINCT ON (interaction_id) interaction_id, step, correlation_id, type, data::jsonb AS data, CASE type
        WHEN 'interaction_started' THEN 'running' WHEN 'interaction_retry_scheduled' THEN 'pending'
        ELSE substr(type::text, length('interaction_') + 1) END AS state
    FROM known
    WHERE type IN ('interaction_started', 'interaction_completed', 'interaction_failed', 'interaction_quarantined', 'interaction_skipped',
                   'interaction_waiting', 'interaction_retry_scheduled')
    ORDER BY interaction_id, seq DESC
), settled AS (
    SELECT flow, 'completed' AS state FROM known, jsonb_array_elements_text(data::jsonb -> 'completed_flows') AS flow WHERE type = 'records_settled'
    UNION ALL
    SELECT flow, 'incomplete' FROM known, jsonb_array_elements_text(data::jsonb -> 'incomplete_flows') AS flow WHERE type = 'records_settled'
), flows AS (
    SELECT DISTINCT correlation_id::text AS flow FROM known
    WHERE interaction_id IS NOT NULL AND correlation_id NOT IN (SELECT correlation_id FROM workflow_runs)
)
SELECT jsonb_build_object(
    'index', %(before)s, 'run_id', %(run_id)s,
    'records', (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT coalesce(s.state, 'live') AS state, count(*) AS n FROM flows LEFT JOIN settled s USING (flow) GROUP BY 1) AS r),
    'steps', (SELECT coalesce(jsonb_object_agg(step, states), '{}') FROM (
        SELECT step, jsonb_object_agg(state, n) AS states
        FROM (SELECT step, state, count(*) AS n FROM stood GROUP BY step, state) AS s GROUP BY step) AS t),
    'errors', (SELECT coalesce(jsonb_agg(jsonb_build_object('n', n, 'records', records) ORDER BY n DESC, step, state, reason), '[]') FROM (
        SELECT step, CASE state WHEN 'pending' THEN 'retrying' ELSE state END AS state, coalesce(data ->> 'rule', data ->> 'error_class') AS reason,
               count(*) AS n, count(DISTINCT correlation_id) AS records
        FROM stood WHERE state IN ('failed', 'quarantined', 'pending') GROUP BY 1, 2, 3) AS e))
