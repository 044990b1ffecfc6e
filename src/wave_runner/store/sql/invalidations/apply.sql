-- completed → invalidated: results that were found wrong, or were made from such. They stay, outputs and all, hold their places, and
-- count for nothing: no step reads them, no value in a table is theirs any more, and no answer of theirs is given again.
WITH front AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id FROM interactions i
    WHERE i.run_id = %(run_id)s AND i.interaction_id = ANY (%(ids)s::bigint[]) AND i.in_force AND i.state = 'completed'
    ORDER BY i.interaction_id
    FOR UPDATE
), moved AS (
    UPDATE interactions i SET state = 'invalidated', rule = 'invalidated', seq = i.seq + 1
    FROM front f
    WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, step, actor, definition,
         data, sha256)
    SELECT m.run_id, 1, 'interaction_invalidated', m.interaction_id, m.seq, m.interaction_id, m.seq - 1, m.correlation_id,
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
    SELECT run_id, run_step_id, change.state, change.sign * count(*)
    FROM moved CROSS JOIN (VALUES ('completed'::interaction_state, -1), ('invalidated', 1)) AS change (state, sign)
    GROUP BY run_id, run_step_id, change.state, change.sign
)
SELECT interaction_id, record_id FROM moved
