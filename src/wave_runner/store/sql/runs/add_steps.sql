INSERT INTO run_steps (run_id, generation, step_id, position, actor_id, definition_id, queue_id)
SELECT %(run_id)s, 0, step_id, position, actor_id, definition_id, queue_id
FROM unnest(%(step_ids)s::bigint[], %(positions)s::int[], %(actor_ids)s::bigint[], %(definition_ids)s::bigint[],
            %(queue_ids)s::bigint[]) AS given (step_id, position, actor_id, definition_id, queue_id)
RETURNING run_step_id, step_id
