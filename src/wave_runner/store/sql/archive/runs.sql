-- Runs, a row each.
COPY (
    SELECT r.run_id, w.name AS workflow, r.kind, r.state, r.reason, r.priority, r.started_by, r.started_at, r.ended_at, r.currency,
           r.correlation_id
    FROM workflow_runs r JOIN workflows w USING (workflow_id)
    WHERE r.run_id >= %(first_run)s AND r.run_id < %(following)s
    ORDER BY r.run_id
) TO STDOUT (FORMAT csv, HEADER)
