-- The run, its records by verdict and its staged rows by decision. A record is completed when its workflow's
-- `ensures` hold, and never because its last step is.
SELECT r.run_id, r.kind, w.name AS workflow,
       run_state(r) AS state, coalesce(r.paused_by, w.paused_by) AS paused_by, r.cancelled_by, r.reason, r.broken, r.params, r.record_limit, r.canary, r.canary_verdict, r.started_by, r.started_at, r.ended_at,
       clock_timestamp() AS as_of,
       extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.started_at)::float8 AS seconds,
       rr.records, rr.live, rr.ended, rr.completed, rr.incomplete,
       (SELECT count(DISTINCT record_id) FROM saved_values v WHERE v.run_id = r.run_id) AS saved,
       st.staged, st.waiting, st.promoted, st.updated, st.unchanged, st.rejected, st.revalidated, st.rolled_back,
       f.begun, f.again, f.unchanged AS selected_unchanged, f.left_incomplete, f.under_way, f.vanished, f.erased, f.error AS selection_error
FROM workflow_runs r
JOIN workflows w USING (workflow_id)
LEFT JOIN fan_outs f ON f.run_id = r.run_id AND f.interaction_id IS NULL
CROSS JOIN LATERAL (
    SELECT count(*) AS records,
           count(*) FILTER (WHERE state = 'live') AS live,
           count(*) FILTER (WHERE state = 'ended') AS ended,
           count(*) FILTER (WHERE state = 'completed') AS completed,
           count(*) FILTER (WHERE state = 'incomplete') AS incomplete
    FROM run_records WHERE run_id = r.run_id
) AS rr
CROSS JOIN LATERAL (
    SELECT count(*) AS staged,
           count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'promoted') AS promoted,
           count(*) FILTER (WHERE state = 'updated') AS updated,
           count(*) FILTER (WHERE state = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE state = 'rejected') AS rejected,
           count(*) FILTER (WHERE state = 'revalidated') AS revalidated,
           count(*) FILTER (WHERE state = 'rolled_back') AS rolled_back
    FROM staged_records WHERE run_id = r.run_id
) AS st
WHERE r.run_id = %(run_id)s
