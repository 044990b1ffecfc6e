-- How much of some steps is in somebody's hands at this moment.
SELECT count(*) AS n FROM interactions
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND run_step_id = ANY (%(run_step_ids)s::bigint[]) AND state = 'running'
