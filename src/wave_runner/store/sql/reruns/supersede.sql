-- Results out of force: they stay what they are, with their outputs, and count no more. The records' locks come first, in one order.
WITH front AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id FROM interactions i
    WHERE i.run_id = %(run_id)s AND i.interaction_id = ANY (%(ids)s::bigint[]) AND i.in_force
    ORDER BY i.interaction_id
    FOR UPDATE
), moved AS (
    UPDATE interactions i SET in_force = false, superseded_by = %(generation)s, seq = i.seq + 1
    FROM front f
    WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.correlation_id, i.state, i.seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, step, actor, definition,
         data, sha256)
    SELECT m.run_id, 1, 'interaction_superseded', m.interaction_id, m.seq, m.interaction_id, m.seq - 1, m.correlation_id,
           s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM moved m
    JOIN run_steps rs ON rs.run_step_id = m.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
), forgotten AS (
    -- What was recorded for another one and given to these: nobody who asks the same is to get it again.
    DELETE FROM answers a
    USING moved m JOIN hits h ON h.run_id = m.run_id AND h.interaction_id = m.interaction_id
    WHERE a.run_id = h.source_run_id AND a.interaction_id = h.source_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, state, -count(*) FROM moved GROUP BY run_id, run_step_id, state
)
SELECT interaction_id FROM moved
