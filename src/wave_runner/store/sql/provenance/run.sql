SELECT r.run_id, w.name AS workflow, r.started_at, r.started_by, d.name AS file, d.sha256
FROM workflow_runs r JOIN workflows w USING (workflow_id) JOIN definitions d ON d.definition_id = r.definition_id
WHERE r.run_id = %(run_id)s
