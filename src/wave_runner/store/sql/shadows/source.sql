-- The run that a shadow is to be beside.
SELECT w.name AS workflow, r.kind, r.state = 'running' AND r.cancelled_at IS NULL AS goes_on
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.run_id = %(run_id)s
