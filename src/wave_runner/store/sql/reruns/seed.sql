-- The results that are redone, once more and pending, caused by the events that have taken the old ones out of force. They wait from
-- now on, whenever their run began.
WITH run AS MATERIALIZED (
    SELECT run_rank(jsonb_populate_record(r, jsonb_build_object('started_at', now()))) AS rank
    FROM workflow_runs r WHERE r.run_id = %(run_id)s
), made AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq, rank)
    SELECT i.run_id, %(run_step_id)s, %(queue_id)s, i.record_id, i.correlation_id, i.item, i.iteration, %(generation)s,
           i.interaction_id, i.seq, run.rank
    FROM interactions i CROSS JOIN run
    WHERE i.run_id = %(run_id)s AND i.interaction_id = ANY (%(ids)s::bigint[])
    ORDER BY i.interaction_id
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM made
)
INSERT INTO count_deltas (run_id, run_step_id, state, delta)
SELECT run_id, run_step_id, 'pending', count(*) FROM made GROUP BY run_id, run_step_id
