-- The run, and what its `select` has found.
SELECT r.run_id, r.kind, w.name AS workflow,
       run_state(r) AS state, coalesce(r.paused_by, w.paused_by) AS paused_by, r.cancelled_by, r.reason, r.broken, r.params, r.record_limit, r.canary, r.canary_verdict, r.started_by, r.started_at, r.ended_at,
       CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM pg_control_checkpoint()))
            ELSE clock_timestamp() END AS as_of,
       extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.started_at)::float8 AS seconds,
       f.begun, f.again, f.unchanged AS selected_unchanged, f.left_incomplete, f.under_way, f.vanished, f.erased, f.error AS selection_error
FROM workflow_runs r
JOIN workflows w USING (workflow_id)
LEFT JOIN fan_outs f ON f.run_id = r.run_id AND f.interaction_id IS NULL
WHERE r.run_id = %(run_id)s
