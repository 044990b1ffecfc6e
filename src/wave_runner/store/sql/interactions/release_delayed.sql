-- Due work can be claimed from now on, in chunks: a row that waits for its time never stands in a claim's way.
WITH due AS MATERIALIZED (
    SELECT run_id, interaction_id FROM interactions
    WHERE ready_at <= clock_timestamp()
    ORDER BY ready_at
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), released AS (
    UPDATE interactions SET ready_at = NULL
    WHERE run_id = ANY (ARRAY(SELECT DISTINCT run_id FROM due))
      AND interaction_id = ANY (ARRAY(SELECT interaction_id FROM due))
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id, suspect
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id, suspect) SELECT * FROM released
    ON CONFLICT DO NOTHING
)
SELECT count(*) AS n FROM released
