SELECT r.run_id, w.name AS workflow,
       run_state(r) AS state, w.paused_at IS NOT NULL AS workflow_paused, w.stopped AS workflow_drifted, coalesce(r.paused_by, w.paused_by) AS paused_by,
       r.params, r.record_limit, r.priority, r.correlation_id, r.started_by,
       r.started_at, r.ended_at, extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.started_at)::float8 AS seconds
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.run_id = %(run_id)s
