-- Runs that are to end, and of which something is left: whoever began to cancel them may have died.
SELECT r.run_id, r.cancelled_by
FROM workflow_runs r
WHERE r.state = 'running' AND r.cancelled_at IS NOT NULL
ORDER BY r.run_id
