-- Experiments, the newest first: of one kind, or the one that is named.
SELECT e.run_id, r.kind, w.name AS workflow, e.step, e.asked, e.times, e.seed, e.gold, e.changes, run_state(r) AS state, r.started_by, r.started_at,
       r.ended_at, r.currency, e.adopted_at, e.adopted_by, e.reason, e.source_run_id, e.share, e.fed, e.closed_at, d.sha256 AS definition,
       (SELECT count(*) FROM interactions i WHERE i.run_id = e.run_id) AS interactions,
       (SELECT count(*) FROM interactions i WHERE i.run_id = e.run_id AND i.finished_at IS NULL) AS unfinished
FROM experiments e
JOIN workflow_runs r USING (run_id)
JOIN workflows w USING (workflow_id)
JOIN run_steps rs USING (run_id)
JOIN definitions d ON d.definition_id = rs.definition_id
WHERE r.kind = %(kind)s AND e.run_id = coalesce(%(run_id)s, e.run_id)
ORDER BY e.run_id DESC
