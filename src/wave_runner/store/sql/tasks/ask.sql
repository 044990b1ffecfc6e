-- running → waiting: a task for people, the event and the counts, in one statement. Only what this wave still holds is
-- touched. The wave stays as the fence of what a decision will move.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(queues)s::text[], %(titles)s::text[], %(priorities)s::int[], %(dues_s)s::float8[],
        %(escalates)s::text[], %(needs)s::int[], %(blinds)s::bool[], %(prefills)s::bool[], %(bulks)s::bool[],
        %(data)s::text[], %(steps)s::text[], %(actors)s::text[], %(definitions)s::bytea[])
        AS g (interaction_id, queue, title, priority, due_s, escalate, needs, blind, prefill, bulk, data, step, actor, definition)
), moved AS (
    UPDATE interactions i SET state = 'waiting', seq = i.seq + 1
    FROM given g
    WHERE i.interaction_id = g.interaction_id
      AND i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
      AND i.wave_id = %(wave_id)s AND i.state = 'running'
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.seq, i.correlation_id, g.queue, g.title, g.priority, g.due_s,
              g.escalate, g.needs, g.blind, g.prefill, g.bulk, g.data, g.step, g.actor, g.definition
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, 'interaction_waiting', interaction_id, seq, interaction_id, seq - 1, %(wave_id)s, correlation_id,
           %(runner_id)s, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM moved
), asked AS (
    INSERT INTO tasks (run_id, interaction_id, queue, title, priority, due_at, escalate, needs, blind, prefill, bulk)
    SELECT run_id, interaction_id, queue, title, priority, clock_timestamp() + make_interval(secs => due_s), escalate,
           needs, blind, prefill, bulk
    FROM moved
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, change.state, change.sign * count(*)
    FROM moved CROSS JOIN (VALUES ('running'::interaction_state, -1), ('waiting', 1)) AS change (state, sign)
    GROUP BY run_id, run_step_id, change.state, change.sign
)
SELECT interaction_id FROM moved
