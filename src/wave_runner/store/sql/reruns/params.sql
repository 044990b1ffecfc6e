SELECT params FROM workflow_runs WHERE run_id = %(run_id)s
