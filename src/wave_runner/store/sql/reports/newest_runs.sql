-- The newest runs, of one workflow or of all.
SELECT r.run_id, w.name AS workflow
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.kind = 'run' AND (%(workflow)s::text IS NULL OR w.name = %(workflow)s)
ORDER BY r.run_id DESC
LIMIT %(runs)s
