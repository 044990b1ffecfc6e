-- Interactions that are not what all their events say, sealed or not: how many, and the first of them. Their times are compared as far
-- as one statement may take: an event is stamped beside the row that it speaks of, and not at the same moment.
WITH told AS (
    SELECT run_id, interaction_id, count(*) AS events, max(seq) AS seq,
           count(*) FILTER (WHERE type = 'interaction_started') AS attempt,
           max(ARRAY[seq, (type = 'interaction_restored')::int])
               FILTER (WHERE type IN ('interaction_set_aside', 'interaction_superseded', 'interaction_restored')) AS force,
           bool_or(type = 'interaction_invalidated') AS invalidated,
           min(step) AS step, max(step) AS other_step, min(actor) AS actor, max(actor) AS other_actor,
           min(correlation_id::text) AS flow, max(correlation_id::text) AS other_flow,
           max(recorded_at) FILTER (WHERE type = 'interaction_started') AS started_at,
           max(recorded_at) FILTER (WHERE type = ANY (%(types)s::event_type[])) AS moved_at,
           max(ARRAY[seq, array_position(%(types)s::event_type[], type), coalesce(wave_id, -1)])
               FILTER (WHERE type = ANY (%(types)s::event_type[])) AS moved
    FROM interaction_events
    WHERE interaction_id IS NOT NULL
    GROUP BY run_id, interaction_id
), said AS (
    SELECT t.*, t.run_id NOT IN (SELECT run_id FROM experiments) AND coalesce(t.force[2] = 1, true) AS in_force,
           CASE WHEN t.invalidated THEN 'invalidated' ELSE (%(states)s::text[])[t.moved[2]]::interaction_state END AS state,
           CASE WHEN (%(states)s::text[])[t.moved[2]] <> ALL (%(not_begun)s::text[]) THEN nullif(t.moved[3], -1) END AS wave_id
    FROM told t
), wrong AS (
    SELECT coalesce(i.run_id, t.run_id) AS run_id, coalesce(i.interaction_id, t.interaction_id) AS interaction_id
    FROM interactions i FULL JOIN said t ON t.run_id = i.run_id AND t.interaction_id = i.interaction_id
    LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
    LEFT JOIN steps s ON s.step_id = rs.step_id
    LEFT JOIN actors a ON a.actor_id = rs.actor_id
    WHERE i.state IS NULL OR i.seq <> coalesce(t.seq, 0) OR i.seq <> coalesce(t.events, 0) OR i.attempt <> coalesce(t.attempt, 0)
       OR i.in_force <> coalesce(t.in_force, i.run_id NOT IN (SELECT run_id FROM experiments)) OR i.wave_id IS DISTINCT FROM t.wave_id
       OR CASE WHEN t.state IS NULL THEN i.state NOT IN ('pending', 'blocked') ELSE i.state <> t.state END
       OR (t.events > 0 AND ((t.step, t.other_step) IS DISTINCT FROM (s.name, s.name)
                             OR (t.actor, t.other_actor) IS DISTINCT FROM (a.name, a.name)
                             OR (t.flow, t.other_flow) IS DISTINCT FROM (i.correlation_id::text, i.correlation_id::text)))
       OR (i.started_at IS NULL) <> (coalesce(t.attempt, 0) = 0)
       OR NOT i.started_at BETWEEN t.started_at - interval '1 minute' AND t.started_at + interval '1 minute'
       OR NOT i.finished_at BETWEEN t.moved_at - interval '1 minute' AND t.moved_at + interval '1 minute'
)
SELECT n.interactions, n.unsealed, w.total, w.run_id, w.interaction_id
FROM (SELECT (SELECT count(*) FROM interactions) AS interactions,
             (SELECT count(*) FROM interaction_events) - (SELECT count(*) FROM event_log l
              WHERE kind = 0 AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE l.run_id >= g.first_run AND l.run_id < g.following)) AS unsealed) AS n
LEFT JOIN (
    SELECT count(*) OVER () AS total, run_id, interaction_id FROM wrong ORDER BY run_id, interaction_id LIMIT %(shown)s
) AS w ON true
