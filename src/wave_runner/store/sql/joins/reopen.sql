-- Joins that were decided against, because of what is tried again now: they wait anew.
UPDATE joins j SET state = 'waiting', interaction_id = NULL
FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[], %(run_step_ids)s::bigint[], %(iterations)s::int[],
            %(generations)s::bigint[]) AS g (run_id, record_id, run_step_id, iteration, generation)
WHERE j.run_id = g.run_id AND j.record_id = g.record_id AND j.run_step_id = g.run_step_id
  AND j.iteration = g.iteration AND j.generation = g.generation AND j.state IN ('skipped', 'left_out')
