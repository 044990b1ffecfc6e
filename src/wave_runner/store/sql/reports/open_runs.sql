-- Runs that have not ended, the newest first.
SELECT run_id FROM workflow_runs WHERE state = 'running' ORDER BY run_id DESC LIMIT %(limit)s
