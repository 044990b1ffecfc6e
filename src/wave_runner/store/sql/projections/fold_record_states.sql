-- Folds the next sealed entries into one copy of `record_states`, as core/projection.py says it: up to a hole in the log, or to an
-- event that cannot be folded. Entries of runs whose history was dropped are passed over: nothing can be said of these. Nothing is
-- added that depends on where a batch ends: sums, earliest, latest, and what the newest says.
-- The OFFSETs keep the planner from joining whole tables. Of thousands of events each has to cost little: what all of a kind have in
-- common is asked once for the kind, and the newest are found as the largest numbers, for which nothing has to be sorted.
WITH entries AS MATERIALIZED (
    SELECT log_index, run_id, event_id
    FROM (
        SELECT log_index, run_id, event_id, row_number() OVER (ORDER BY log_index) AS n
        FROM event_log
        WHERE log_index >= %(position)s AND log_index < %(before)s
        ORDER BY log_index
        LIMIT %(most)s
    ) AS next
    WHERE log_index = %(position)s + n - 1
), events AS MATERIALIZED (
    SELECT l.log_index, e.run_id, e.form, e.type, e.interaction_id, e.correlation_id, e.recorded_at,
           CASE WHEN e.type = 'records_settled' THEN e.data END AS data
    FROM entries l
    LEFT JOIN LATERAL (SELECT * FROM interaction_events WHERE run_id = l.run_id AND event_id = l.event_id OFFSET 0) AS e ON true
    WHERE l.event_id IS NOT NULL AND l.log_index <> ALL (%(skips)s::bigint[])
      AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE l.run_id >= g.first_run AND l.run_id < g.following)
), kinds AS (
    SELECT form, type, min(log_index) AS log_index,
           min(log_index) FILTER (WHERE interaction_id IS NOT NULL AND correlation_id IS NULL) AS of_no_flow,
           min(log_index) FILTER (WHERE type = 'records_settled' AND data !~ %(shape)s) AS shapeless
    FROM events
    GROUP BY form, type
), refused AS MATERIALIZED (
    SELECT least(min(of_no_flow), min(shapeless), min(log_index) FILTER (
               WHERE type IS NULL OR form <> %(form)s OR type <> ALL (%(known)s::event_type[]))) AS log_index
    FROM kinds
), readable AS (
    SELECT e.* FROM events e CROSS JOIN refused r WHERE r.log_index IS NULL OR e.log_index < r.log_index
), facts AS (
    SELECT log_index, run_id, correlation_id, recorded_at, type,
           CASE WHEN type IN ('interaction_retried', 'interaction_doubted', 'interaction_superseded', 'interaction_restored',
                              'interaction_invalidated') THEN 1 END AS verdict
    FROM readable
    WHERE interaction_id IS NOT NULL OR (type = 'run_started' AND correlation_id IS NOT NULL)
    UNION ALL
    SELECT s.log_index, s.run_id, flow::uuid, s.recorded_at, s.type, verdict
    FROM readable s
    CROSS JOIN (VALUES (2, 'completed_flows'), (3, 'incomplete_flows')) AS v (verdict, flows)
    CROSS JOIN LATERAL json_array_elements_text((CASE WHEN s.type = 'records_settled' THEN s.data END)::json -> flows) AS flow
    WHERE s.type = 'records_settled'
), news AS MATERIALIZED (
    SELECT run_id, correlation_id, bool_or(type = 'run_started') AS whole_run,
           (ARRAY['live', 'completed', 'incomplete'])[max(4 * log_index + verdict) %% 4] AS verdict,
           max(log_index) FILTER (WHERE type = ANY (%(types)s::event_type[])) AS moved_index,
           count(*) FILTER (WHERE type = 'interaction_started') AS attempts,
           count(*) FILTER (WHERE type IN ('interaction_failed', 'interaction_quarantined')) AS troubles,
           count(*) AS events, min(recorded_at) AS begun_at, max(recorded_at) AS changed_at,
           min(log_index) AS first_index, max(log_index) AS last_index
    FROM facts
    GROUP BY run_id, correlation_id
), become AS MATERIALIZED (
    SELECT n.run_id, n.correlation_id, s.state AS was, s.whole_run AS was_whole, n.whole_run OR coalesce(s.whole_run, false) AS whole_run,
           coalesce(n.verdict, s.state, 'live') AS state,
           CASE WHEN m.type IS NULL THEN s.step ELSE m.step END AS step,
           coalesce((%(states)s::interaction_state[])[array_position(%(types)s::event_type[], m.type)], s.step_state) AS step_state,
           n.attempts + coalesce(s.attempts, 0) AS attempts, n.troubles + coalesce(s.troubles, 0) AS troubles,
           n.events + coalesce(s.events, 0) AS events,
           least(n.begun_at, s.begun_at) AS begun_at, greatest(n.changed_at, s.changed_at) AS changed_at,
           coalesce(s.first_index, n.first_index) AS first_index, n.last_index
    FROM news n
    LEFT JOIN LATERAL (
        SELECT e.type, e.step FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
        WHERE l.log_index = n.moved_index AND e.run_id = n.run_id
        OFFSET 0
    ) AS m ON true
    LEFT JOIN LATERAL (
        SELECT * FROM record_states
        WHERE projection_id = %(projection_id)s AND run_id = n.run_id AND correlation_id = n.correlation_id
        OFFSET 0
    ) AS s ON true
), written AS (
    INSERT INTO record_states AS r
        (projection_id, run_id, correlation_id, whole_run, state, step, step_state, attempts, troubles, events, begun_at,
         changed_at, first_index, last_index)
    SELECT %(projection_id)s, run_id, correlation_id, whole_run, state, step, step_state, attempts, troubles, events, begun_at,
           changed_at, first_index, last_index
    FROM become
    ORDER BY run_id, correlation_id
    ON CONFLICT (projection_id, run_id, correlation_id) DO UPDATE
    SET whole_run = excluded.whole_run, state = excluded.state, step = excluded.step, step_state = excluded.step_state,
        attempts = excluded.attempts, troubles = excluded.troubles, events = excluded.events, begun_at = excluded.begun_at,
        changed_at = excluded.changed_at, last_index = excluded.last_index
), deltas AS (
    SELECT run_id, state, sum(delta) AS delta
    FROM (
        SELECT run_id, state, 1 AS delta FROM become WHERE NOT whole_run
        UNION ALL
        SELECT run_id, was, -1 FROM become WHERE NOT was_whole
    ) AS moves
    GROUP BY run_id, state
    HAVING sum(delta) <> 0
), counted AS (
    INSERT INTO record_counts (projection_id, run_id, state, n)
    SELECT %(projection_id)s, d.run_id, d.state, d.delta + coalesce(c.n, 0)
    FROM deltas d
    LEFT JOIN record_counts c ON c.projection_id = %(projection_id)s AND c.run_id = d.run_id AND c.state = d.state
    ORDER BY run_id, state
    ON CONFLICT (projection_id, run_id, state) DO UPDATE SET n = excluded.n
)
SELECT r.log_index AS refused, coalesce(r.log_index, (SELECT max(log_index) + 1 FROM entries), %(position)s) AS position
FROM refused r
