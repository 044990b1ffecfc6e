SELECT run_id FROM held_runs ORDER BY run_id
