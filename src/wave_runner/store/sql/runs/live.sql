SELECT run_id FROM workflow_runs WHERE state = 'running' ORDER BY run_id
