SELECT r.run_id, r.kind, w.name AS workflow FROM workflow_runs r JOIN workflows w USING (workflow_id) WHERE r.run_id = %(run_id)s
