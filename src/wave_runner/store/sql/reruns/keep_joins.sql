-- Joins that have gone, or were skipped, because of something else than what is redone, stay so in the rerun: what arrives there
-- again leads to nothing new.
INSERT INTO joins (run_id, record_id, run_step_id, iteration, generation, more, arrived, failed, skipped, not_taken, state, interaction_id)
SELECT j.run_id, j.record_id, g.new_run_step_id, j.iteration, %(generation)s, j.more, j.arrived, j.failed, j.skipped, j.not_taken,
       j.state, j.interaction_id
FROM unnest(%(record_ids)s::bigint[], %(run_step_ids)s::bigint[], %(iterations)s::int[], %(generations)s::bigint[],
            %(new_run_step_ids)s::bigint[]) AS g (record_id, run_step_id, iteration, generation, new_run_step_id)
JOIN joins j ON j.run_id = %(run_id)s AND j.record_id = g.record_id AND j.run_step_id = g.run_step_id
            AND j.iteration = g.iteration AND j.generation = g.generation
