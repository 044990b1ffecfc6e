-- The run that a canary is compared with: the newest one before it of the same workflow that has ended with records, and that nobody
-- has cancelled.
SELECT o.run_id
FROM workflow_runs r JOIN workflow_runs o ON o.workflow_id = r.workflow_id AND o.run_id < r.run_id
WHERE r.run_id = %(run_id)s AND o.kind = 'run' AND o.state IN ('completed', 'failed') AND EXISTS (SELECT FROM run_records rr WHERE rr.run_id = o.run_id)
ORDER BY o.run_id DESC
LIMIT 1
