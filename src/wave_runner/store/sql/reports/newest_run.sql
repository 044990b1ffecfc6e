SELECT max(run_id) AS run_id FROM workflow_runs WHERE kind = 'run'
