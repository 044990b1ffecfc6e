-- What was raised, the newest first.
SELECT a.run_id, w.name AS workflow, a.kind, a.message, a.raised_at
FROM alerts a JOIN workflow_runs r USING (run_id) JOIN workflows w USING (workflow_id)
WHERE %(run_id)s::bigint IS NULL OR a.run_id = %(run_id)s
ORDER BY a.raised_at DESC, a.run_id DESC, a.kind
LIMIT %(limit)s
