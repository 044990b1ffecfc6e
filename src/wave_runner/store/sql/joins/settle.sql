-- Inputs of joins, added up per join and in one order, so that two waves that end parents of the same joins wait for
-- each other and never both. The row stays locked until the transaction ends: who comes second counts what the first
-- has added.
INSERT INTO joins AS j (run_id, record_id, run_step_id, iteration, generation, more, arrived, failed, skipped, not_taken)
SELECT * FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[], %(run_step_ids)s::bigint[], %(iterations)s::int[],
                     %(generations)s::bigint[], %(more)s::int[], %(arrived)s::int[], %(failed)s::int[],
                     %(skipped)s::int[], %(not_taken)s::int[])
    AS g (run_id, record_id, run_step_id, iteration, generation, more, arrived, failed, skipped, not_taken)
ORDER BY run_id, record_id, run_step_id, iteration, generation
ON CONFLICT (run_id, record_id, run_step_id, iteration, generation) DO UPDATE
SET more = j.more + excluded.more, arrived = j.arrived + excluded.arrived, failed = j.failed + excluded.failed,
    skipped = j.skipped + excluded.skipped, not_taken = j.not_taken + excluded.not_taken
RETURNING run_id, record_id, run_step_id, iteration, generation, more, arrived, failed, skipped, not_taken, state,
          interaction_id
