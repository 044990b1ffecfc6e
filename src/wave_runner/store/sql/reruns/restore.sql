-- What a rerun had superseded is in force again.
WITH front AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id FROM interactions i
    WHERE i.run_id = %(run_id)s AND i.record_id = ANY (%(record_ids)s::bigint[]) AND i.superseded_by = %(generation)s
      AND i.generation <> %(generation)s
    ORDER BY i.interaction_id
    FOR UPDATE
), moved AS (
    UPDATE interactions i SET in_force = true, superseded_by = NULL, seq = i.seq + 1
    FROM front f
    WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.correlation_id, i.state, i.seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, step, actor, definition,
         data, sha256)
    SELECT m.run_id, 1, 'interaction_restored', m.interaction_id, m.seq, m.interaction_id, m.seq - 1, m.correlation_id,
           s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM moved m
    JOIN run_steps rs ON rs.run_step_id = m.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, state, count(*) FROM moved GROUP BY run_id, run_step_id, state
)
SELECT interaction_id FROM moved
