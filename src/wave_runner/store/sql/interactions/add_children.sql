-- The next steps of interactions: those of ends without a wave of their own, and what a wave's statement has not made itself.
WITH made AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq, rank)
    SELECT * FROM unnest(
        %(run_ids)s::bigint[], %(run_step_ids)s::bigint[], %(queue_ids)s::bigint[], %(record_ids)s::bigint[],
        %(correlation_ids)s::uuid[], %(items)s::int[], %(iterations)s::int[], %(generations)s::bigint[],
        %(parent_ids)s::bigint[], %(parent_seqs)s::int[], %(ranks)s::int[])
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM made
)
INSERT INTO count_deltas (run_id, run_step_id, state, delta)
SELECT run_id, run_step_id, 'pending', count(*) FROM made GROUP BY run_id, run_step_id
