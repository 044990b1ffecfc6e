-- What joins do now: the interaction is made (blocked, pending or skipped), or the blocked one moves on, caused by the
-- input that settled last. One that is made pending has no event of its own: the event of its cause names it.
-- What is made gets its number here, so that nothing has to be joined back.
WITH given AS MATERIALIZED (
    SELECT g.*, CASE WHEN interaction_id IS NULL AND state IS NOT NULL THEN nextval('interaction_ids') END AS new_id
    FROM unnest(
        %(run_ids)s::bigint[], %(record_ids)s::bigint[], %(run_step_ids)s::bigint[], %(iterations)s::int[],
        %(generations)s::bigint[], %(join_states)s::text[], %(interaction_ids)s::bigint[],
        %(states)s::interaction_state[], %(queue_ids)s::bigint[], %(correlation_ids)s::uuid[], %(parent_ids)s::bigint[],
        %(parent_seqs)s::int[], %(ranks)s::int[], %(data)s::text[], %(steps)s::text[], %(actors)s::text[],
        %(definitions)s::bytea[])
        AS g (run_id, record_id, run_step_id, iteration, generation, join_state, interaction_id, state, queue_id,
              correlation_id, parent_id, parent_seq, rank, data, step, actor, definition)
), made AS (
    INSERT INTO interactions
        (run_id, interaction_id, run_step_id, queue_id, record_id, correlation_id, iteration, generation, parent_id, parent_seq,
         rank, state, seq, finished_at)
    SELECT run_id, new_id, run_step_id, queue_id, record_id, correlation_id, iteration, generation, parent_id, parent_seq, rank,
           state, (state = 'skipped')::int, CASE WHEN state = 'skipped' THEN clock_timestamp() END
    FROM given
    WHERE new_id IS NOT NULL
    ORDER BY new_id
    RETURNING run_id, interaction_id, record_id, run_step_id, iteration, generation, state, seq, queue_id, rank
), moved AS (
    UPDATE interactions i
    SET state = g.state, seq = i.seq + 1, parent_id = g.parent_id, parent_seq = g.parent_seq,
        finished_at = CASE WHEN g.state = 'skipped' THEN clock_timestamp() END
    FROM given g
    WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id
      AND CASE i.state WHEN 'blocked' THEN g.state <> 'blocked' END
    RETURNING i.run_id, i.interaction_id, i.record_id, i.run_step_id, i.iteration, i.generation, i.state, i.seq, i.queue_id,
              i.rank, g.parent_id, g.parent_seq, g.correlation_id, g.step, g.actor, g.definition, g.data
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM made WHERE state = 'pending'
    UNION ALL
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM moved WHERE state = 'pending'
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, 'interaction_skipped'::event_type, new_id, 1, parent_id, parent_seq, %(wave_id)s::bigint, correlation_id,
           %(runner_id)s::uuid, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM given
    WHERE new_id IS NOT NULL AND state = 'skipped'
    UNION ALL
    SELECT run_id, 1, (CASE state WHEN 'skipped' THEN 'interaction_skipped' ELSE 'interaction_unblocked' END)::event_type,
           interaction_id, seq, parent_id, parent_seq, %(wave_id)s::bigint, correlation_id, %(runner_id)s::uuid, step, actor, definition,
           data, sha256(convert_to(data, 'UTF8'))
    FROM moved
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, state, count(*) FROM made GROUP BY run_id, run_step_id, state
    UNION ALL
    SELECT run_id, run_step_id, state, count(*) FROM moved GROUP BY run_id, run_step_id, state
    UNION ALL
    SELECT run_id, run_step_id, 'blocked', -count(*) FROM moved GROUP BY run_id, run_step_id
), decided AS (
    UPDATE joins j
    SET state = g.join_state, interaction_id = coalesce(j.interaction_id, g.new_id)
    FROM given g
    WHERE j.run_id = g.run_id AND j.record_id = g.record_id AND j.run_step_id = g.run_step_id
      AND j.iteration = g.iteration AND j.generation = g.generation
)
SELECT run_id, interaction_id, record_id, run_step_id, iteration, generation, state::text AS state, seq FROM made
UNION ALL
SELECT run_id, interaction_id, record_id, run_step_id, iteration, generation, state::text, seq FROM moved
