SELECT r.run_id FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE w.name = %(workflow)s AND r.state = 'running' AND r.kind = 'run'
ORDER BY r.run_id DESC LIMIT 1
