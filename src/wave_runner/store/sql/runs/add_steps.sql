INSERT INTO run_steps (run_id, generation, step_id, position, actor_id, definition_id, queue_id, queue_s, step_s)
SELECT %(run_id)s, %(generation)s, step_id, position, actor_id, definition_id, queue_id, queue_s, step_s
FROM unnest(%(step_ids)s::bigint[], %(positions)s::int[], %(actor_ids)s::bigint[], %(definition_ids)s::bigint[],
            %(queue_ids)s::bigint[], %(queue_s)s::float8[], %(step_s)s::float8[])
    AS given (step_id, position, actor_id, definition_id, queue_id, queue_s, step_s)
RETURNING run_step_id, step_id
