WITH root AS (
    INSERT INTO interactions (run_id, run_step_id, queue_id, correlation_id, rank)
    VALUES (%(run_id)s, %(run_step_id)s, %(queue_id)s, %(correlation_id)s, (SELECT run_rank(r) FROM workflow_runs r WHERE r.run_id = %(run_id)s))
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM root
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta) SELECT run_id, run_step_id, 'pending', 1 FROM root
)
SELECT interaction_id FROM root
