-- What is read of record_states is what all sealed events before its position make of it, folded here in the plainest way; and so
-- are the counts. What somebody lets it skip is left out of both.
WITH live AS (
    SELECT projection_id, position FROM projections WHERE name = 'record_states' AND state = 'live'
), events AS MATERIALIZED (
    SELECT l.log_index, e.*
    FROM live
    JOIN event_log l ON l.log_index < live.position
    JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
    WHERE l.log_index NOT IN (SELECT (data::json ->> 'index')::bigint FROM interaction_events
                              WHERE type = 'projection_event_skipped' AND data::json ->> 'projection' = 'record_states')
), facts AS (
    SELECT run_id, correlation_id, log_index, recorded_at, type, step,
           CASE type
               WHEN 'interaction_started' THEN 'running' WHEN 'interaction_waiting' THEN 'waiting'
               WHEN 'interaction_completed' THEN 'completed' WHEN 'interaction_failed' THEN 'failed'
               WHEN 'interaction_quarantined' THEN 'quarantined' WHEN 'interaction_skipped' THEN 'skipped'
               WHEN 'interaction_cancelled' THEN 'cancelled' WHEN 'interaction_retry_scheduled' THEN 'pending'
               WHEN 'interaction_released' THEN 'pending' WHEN 'interaction_lease_expired' THEN 'pending'
               WHEN 'interaction_unblocked' THEN 'pending' WHEN 'interaction_retried' THEN 'pending' END AS step_state,
           CASE WHEN type IN ('interaction_retried', 'interaction_doubted', 'interaction_superseded', 'interaction_restored',
                              'interaction_invalidated') THEN 'live' END AS verdict
    FROM events
    WHERE interaction_id IS NOT NULL OR (type = 'run_started' AND correlation_id IS NOT NULL)
    UNION ALL
    SELECT run_id, flow::uuid, log_index, recorded_at, type, NULL, NULL, verdict
    FROM events, (VALUES ('completed'), ('incomplete')) AS v (verdict),
         json_array_elements_text((CASE WHEN type = 'records_settled' THEN data END)::json -> (verdict || '_flows')) AS flow
    WHERE type = 'records_settled'
), folded AS MATERIALIZED (
    SELECT run_id, correlation_id, bool_or(type = 'run_started') AS whole_run,
           coalesce((array_agg(verdict ORDER BY log_index DESC) FILTER (WHERE verdict IS NOT NULL))[1], 'live') AS state,
           (array_agg(step ORDER BY log_index DESC) FILTER (WHERE step_state IS NOT NULL))[1] AS step,
           (array_agg(step_state ORDER BY log_index DESC) FILTER (WHERE step_state IS NOT NULL))[1] AS step_state,
           count(*) FILTER (WHERE type = 'interaction_started') AS attempts,
           count(*) FILTER (WHERE type IN ('interaction_failed', 'interaction_quarantined')) AS troubles,
           count(*) AS events, min(recorded_at) AS begun_at, max(recorded_at) AS changed_at,
           min(log_index) AS first_index, max(log_index) AS last_index
    FROM facts
    GROUP BY run_id, correlation_id
)
SELECT coalesce(s.run_id, f.run_id) AS run_id, NULL::bigint AS interaction_id,
       'flow ' || coalesce(s.correlation_id, f.correlation_id) || ' is ' || coalesce(s.state || ', with ' || s.events || ' events', 'not there')
       || '; the log says ' || coalesce(f.state || ', with ' || f.events || ' events', 'nothing of it') AS says
FROM (SELECT r.* FROM record_states r JOIN live USING (projection_id)) AS s
FULL JOIN folded f USING (run_id, correlation_id)
WHERE (s.whole_run, s.state, s.step, s.step_state::text, s.attempts, s.troubles, s.events, s.begun_at, s.changed_at, s.first_index, s.last_index)
      IS DISTINCT FROM
      (f.whole_run, f.state, f.step, f.step_state, f.attempts, f.troubles, f.events, f.begun_at, f.changed_at, f.first_index, f.last_index)
UNION ALL
SELECT coalesce(c.run_id, f.run_id), NULL, coalesce(c.n, 0) || ' records are counted as ' || state || '; the log says ' || coalesce(f.n, 0)
FROM (SELECT r.* FROM record_counts r JOIN live USING (projection_id)) AS c
FULL JOIN (SELECT run_id, state, count(*) AS n FROM folded WHERE NOT whole_run GROUP BY run_id, state) AS f USING (run_id, state)
WHERE coalesce(c.n, 0) <> coalesce(f.n, 0)
