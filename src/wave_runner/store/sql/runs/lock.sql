-- Whether a run ends is asked by the statement after this one, which sees what was committed before the lock was had: of
-- an end and a retry, each on its way at the same time, the second one sees the first.
SELECT run_id FROM workflow_runs WHERE run_id = ANY (%(run_ids)s::bigint[]) ORDER BY run_id FOR NO KEY UPDATE
