-- Takes what nobody else is folding; a reader sees counts and deltas in one snapshot and never misses any.
WITH gone AS (
    DELETE FROM count_deltas WHERE delta_id = ANY (ARRAY(
        SELECT delta_id FROM count_deltas ORDER BY delta_id LIMIT 5000 FOR UPDATE SKIP LOCKED))
    RETURNING run_id, run_step_id, state, delta
), summed AS (
    SELECT run_id, run_step_id, state, sum(delta) AS delta FROM gone GROUP BY run_id, run_step_id, state
)
INSERT INTO counts (run_id, run_step_id, state, n)
SELECT run_id, run_step_id, state, delta FROM summed ORDER BY run_id, run_step_id, state
ON CONFLICT (run_id, run_step_id, state) DO UPDATE SET n = counts.n + excluded.n
