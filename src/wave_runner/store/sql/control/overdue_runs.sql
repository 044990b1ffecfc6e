-- Runs whose time is up.
SELECT run_id FROM workflow_runs
WHERE state = 'running' AND ends_by < clock_timestamp() AND cancelled_at IS NULL
ORDER BY run_id
