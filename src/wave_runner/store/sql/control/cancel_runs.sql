-- From here on nothing of these runs is begun, by anybody, and no record joins them.
WITH cancelled AS (
    UPDATE workflow_runs SET cancelled_at = clock_timestamp(), cancelled_by = %(by)s
    WHERE run_id = ANY (%(run_ids)s::bigint[]) AND state = 'running' AND cancelled_at IS NULL
    RETURNING run_id, correlation_id
), unfed AS (
    UPDATE experiments SET closed_at = clock_timestamp()
    WHERE run_id = ANY (ARRAY(SELECT run_id FROM cancelled)) AND source_run_id IS NOT NULL AND closed_at IS NULL
), closed AS (
    UPDATE fan_outs SET closed_at = clock_timestamp()
    WHERE run_id = ANY (ARRAY(SELECT run_id FROM cancelled)) AND closed_at IS NULL
)
SELECT run_id, correlation_id FROM cancelled ORDER BY run_id
