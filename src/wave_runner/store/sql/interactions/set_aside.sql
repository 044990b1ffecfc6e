-- What was skipped stays so, out of force: its place is free for what comes now that its cause is tried again.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[], %(run_step_ids)s::bigint[], %(items)s::int[],
                         %(iterations)s::int[])
        AS g (run_id, record_id, run_step_id, item, iteration)
), there AS MATERIALIZED (
    -- With and without a record apart: only "equal" goes by an index.
    SELECT i.run_id, i.interaction_id FROM given g JOIN interactions i USING (run_id, record_id, run_step_id, item, iteration)
    WHERE i.in_force AND i.state = 'skipped'
    UNION ALL
    SELECT i.run_id, i.interaction_id FROM given g JOIN interactions i USING (run_id, run_step_id, item, iteration)
    WHERE g.record_id IS NULL AND i.record_id IS NULL AND i.in_force AND i.state = 'skipped'
), aside AS (
    UPDATE interactions i SET in_force = false, generation = i.interaction_id, seq = i.seq + 1
    FROM there t
    WHERE i.run_id = t.run_id AND i.interaction_id = t.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.correlation_id, i.seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, step, actor, definition,
         data, sha256)
    SELECT t.run_id, 1, 'interaction_set_aside', t.interaction_id, t.seq, t.interaction_id, t.seq - 1, t.correlation_id,
           s.name, a.name, d.sha256, '{}', sha256('{}')
    FROM aside t
    JOIN run_steps rs ON rs.run_step_id = t.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
)
INSERT INTO count_deltas (run_id, run_step_id, state, delta)
SELECT run_id, run_step_id, 'skipped', -count(*) FROM aside GROUP BY run_id, run_step_id
