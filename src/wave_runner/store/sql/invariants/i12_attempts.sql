-- No step is tried more often than it may be, or sooner than its retry was scheduled for.
WITH allowed AS MATERIALIZED (
    SELECT rs.run_step_id,
           coalesce(pinned #>> '{step,max_attempts}', pinned #>> '{model,max_attempts}', pinned #>> '{script,max_attempts}',
                    pinned #>> '{query,max_attempts}')::int AS attempts
    FROM run_steps rs JOIN definitions d USING (definition_id)
    CROSS JOIN LATERAL (SELECT convert_from(d.body, 'UTF8')::jsonb AS pinned) AS read
)
SELECT i.run_id, i.interaction_id, i.errors || ' failures of ' || allowed.attempts || ' that it may have' AS says
FROM interactions i
JOIN allowed USING (run_step_id)
WHERE i.errors > allowed.attempts
UNION ALL
SELECT run_id, interaction_id, crashes || ' crashes, and still ' || state
FROM interactions
WHERE crashes >= %(max_crashes)s AND finished_at IS NULL
UNION ALL
SELECT run_id, interaction_id, 'began ' || round(extract(epoch FROM due_at - recorded_at)::numeric, 3) || ' s too soon'
FROM (
    SELECT run_id, interaction_id, type, recorded_at,
           lag(CASE WHEN type = 'interaction_retry_scheduled'
                    THEN recorded_at + make_interval(secs => (data::json ->> 'delay_us')::float8 / 1000000) END) OVER line AS due_at
    FROM interaction_events
    WHERE type IN ('interaction_retry_scheduled', 'interaction_started')
    WINDOW line AS (PARTITION BY run_id, interaction_id ORDER BY seq)
) AS moves
-- The time is taken twice in the statement that schedules: for the row, and a little later for the event.
WHERE type = 'interaction_started' AND recorded_at < due_at - interval '1 second'
