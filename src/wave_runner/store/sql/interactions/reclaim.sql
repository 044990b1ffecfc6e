-- Work of a wave whose lease ran out, or whose runner stops. What had not begun goes back free. What had begun goes
-- back as a suspect, to be claimed in a wave half as large; a suspect that was alone is charged, and quarantined when its budget is spent.
-- A lease that was lost while its runner lives is no crash and charges nothing.
-- The rows are locked first, and go by the state that they have then: one that is just being started, in a transaction
-- that commits meanwhile, would else be in neither part.
WITH held AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.run_step_id, i.queue_id, i.rank, i.suspect, i.state
    FROM claimed c JOIN interactions i USING (run_id, interaction_id)
    WHERE c.wave_id = %(wave_id)s AND (i.state = 'pending' OR (i.state = 'running' AND i.wave_id = %(wave_id)s))
    ORDER BY i.run_id, i.interaction_id
    FOR UPDATE OF i
), let_go AS (
    DELETE FROM claimed WHERE wave_id = %(wave_id)s
), taken AS (
    UPDATE interactions i
    SET state = CASE WHEN alone.charged AND i.crashes + 1 >= %(max_crashes)s THEN 'quarantined'::interaction_state ELSE 'pending' END,
        crashes = i.crashes + alone.charged::int,
        suspect = CASE WHEN %(crashed)s THEN greatest(1, %(size)s::int / 2) ELSE i.suspect END,
        seq = i.seq + 1,
        wave_id = CASE WHEN alone.charged AND i.crashes + 1 >= %(max_crashes)s THEN i.wave_id END,
        error_class = CASE WHEN %(crashed)s THEN 'crashed' END,
        rule = CASE WHEN alone.charged AND i.crashes + 1 >= %(max_crashes)s THEN 'kills_its_runner' END,
        error = CASE WHEN %(crashed)s THEN 'the runner that had it was lost' END,
        finished_at = CASE WHEN alone.charged AND i.crashes + 1 >= %(max_crashes)s THEN clock_timestamp() END
    FROM held h, (SELECT %(crashed)s::bool AND %(size)s::int = 1 AS charged) AS alone
    WHERE i.run_id = h.run_id AND i.interaction_id = h.interaction_id AND h.state = 'running'
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.item, i.iteration, i.generation,
              i.rank, i.seq, i.state, i.queue_id, i.suspect, alone.charged
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id, suspect)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id, suspect FROM held WHERE state = 'pending'
    UNION ALL
    SELECT queue_id, rank, interaction_id, run_id, run_step_id, suspect FROM taken WHERE state = 'pending'
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT t.run_id, 1,
           (CASE WHEN t.state = 'quarantined' THEN 'interaction_quarantined' ELSE %(type)s END)::event_type,
           t.interaction_id, t.seq, t.interaction_id, t.seq - 1, %(wave_id)s, t.correlation_id, %(runner_id)s,
           s.name, a.name, d.sha256, said.data, sha256(convert_to(said.data, 'UTF8'))
    FROM taken t
    JOIN run_steps rs ON rs.run_step_id = t.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
    CROSS JOIN LATERAL (SELECT '{"charged":' || t.charged || ',"crashed":' || %(crashed)s::bool || '}' AS data) AS said
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, 'running', -count(*) FROM taken GROUP BY run_id, run_step_id
    UNION ALL
    SELECT run_id, run_step_id, state, count(*) FROM taken GROUP BY run_id, run_step_id, state
)
SELECT run_id, interaction_id, run_step_id, record_id, correlation_id, item, iteration, generation, rank, seq, state::text AS state
FROM taken
