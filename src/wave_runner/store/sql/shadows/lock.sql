-- One runner feeds a shadow at a time. No row: another one does, or it is given nothing any more.
SELECT x.run_id, x.step, x.asked, x.seed, x.share, x.source_run_id, x.looked_to, x.fed, rs.run_step_id, r.correlation_id
FROM experiments x
JOIN workflow_runs r USING (run_id)
JOIN run_steps rs USING (run_id)
WHERE x.run_id = %(run_id)s AND x.closed_at IS NULL
FOR UPDATE OF x SKIP LOCKED
