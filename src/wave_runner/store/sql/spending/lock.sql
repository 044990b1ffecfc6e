-- What has been used so far, locked in one order until the transaction ends: two runners never both take the last call.
WITH given AS (
    SELECT DISTINCT run_id, record_id FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[]) AS g (run_id, record_id)
), made AS (
    INSERT INTO spending (run_id, record_id) SELECT run_id, record_id FROM given ORDER BY run_id, record_id
    ON CONFLICT (run_id, record_id) DO UPDATE SET interactions = spending.interactions
    RETURNING *
)
SELECT * FROM made
