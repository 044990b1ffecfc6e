-- A move out of `running` (or, where the input broke the contract, out of `pending`): state, event, children,
-- fan-outs and counts, in one statement. Only what this wave still holds is touched; what is given and does not come
-- back has been taken from us.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        %(run_ids)s::bigint[], %(ids)s::bigint[], %(states)s::interaction_state[], %(types)s::event_type[], %(outputs)s::text[],
        %(nonces)s::bytea[], %(delays_s)s::float8[], %(error_classes)s::text[], %(rules)s::text[], %(errors)s::text[],
        %(tokens_in)s::int[], %(tokens_out)s::int[], %(service_us)s::bigint[], %(fan_out_steps)s::bigint[],
        %(handled)s::bool[], %(charged)s::bool[], %(child_steps)s::bigint[], %(child_queues)s::bigint[],
        %(child_iterations)s::int[], %(child_items)s::int[], %(data)s::text[], %(steps)s::text[], %(actors)s::text[], %(definitions)s::bytea[])
        AS g (run_id, interaction_id, state, type, output, nonce, delay_s, error_class, rule, error, tokens_in, tokens_out,
              service_us, fan_out_step, handled, charged, child_step, child_queue,
              child_iteration, child_item, data, step, actor, definition)
), moved AS (
    UPDATE interactions i
    SET state = g.state, seq = i.seq + 1, output = g.output, output_nonce = g.nonce,
        wave_id = CASE WHEN g.state = 'pending' THEN NULL ELSE %(wave_id)s END,
        suspect = CASE WHEN g.state = 'pending' THEN i.suspect END,
        ready_at = CASE WHEN g.state = 'pending' THEN clock_timestamp() + make_interval(secs => g.delay_s) END,
        errors = i.errors + g.charged::int, error_class = g.error_class, rule = g.rule, error = g.error, handled = g.handled,
        tokens_in = g.tokens_in, tokens_out = g.tokens_out, service_us = g.service_us,
        finished_at = CASE WHEN g.state <> 'pending' THEN clock_timestamp() END
    FROM given g
    WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id
      -- A condition in a CASE is none that the planner counts on: else it expects one row, and compares each with each.
      AND CASE i.state WHEN %(from_state)s THEN i.wave_id IS NOT DISTINCT FROM %(begun_by)s END
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.item, i.iteration,
              i.generation, i.rank, i.attempt, i.state, i.seq, i.parent_id, i.parent_seq,
              g.type, g.data, g.step, g.actor, g.definition, g.fan_out_step, g.child_step, g.child_queue, g.child_iteration, g.child_item
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, type, interaction_id, seq,
           CASE WHEN seq = 1 THEN parent_id ELSE interaction_id END, CASE WHEN seq = 1 THEN parent_seq ELSE seq - 1 END,
           %(wave_id)s, correlation_id, %(runner_id)s, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM moved
), children AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq, rank)
    SELECT run_id, child_step, child_queue, record_id, correlation_id, child_item, child_iteration, generation,
           interaction_id, seq, rank
    FROM moved
    WHERE child_step IS NOT NULL
    ORDER BY interaction_id
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM children
), let_go AS (
    DELETE FROM claimed
    WHERE wave_id = %(wave_id)s AND interaction_id = ANY (ARRAY(SELECT interaction_id FROM moved WHERE state = 'pending'))
), opened AS (
    INSERT INTO fan_outs (run_id, interaction_id, run_step_id, room)
    SELECT run_id, interaction_id, fan_out_step,
           (SELECT r.canary FROM workflow_runs r WHERE r.run_id = moved.run_id AND r.canary_verdict IS NULL)
    FROM moved WHERE fan_out_step IS NOT NULL
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, %(from_state)s, -count(*) FROM moved GROUP BY run_id, run_step_id
    UNION ALL
    SELECT run_id, run_step_id, state, count(*) FROM moved GROUP BY run_id, run_step_id, state
    UNION ALL
    SELECT run_id, run_step_id, 'pending', count(*) FROM children GROUP BY run_id, run_step_id
)
SELECT interaction_id, attempt, seq, rank FROM moved
