-- Which run it is, how it stands and why, and what the prices are in that it has pinned.
SELECT r.run_id, w.name AS workflow, run_state(r) AS state, r.reason, r.currency
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.run_id = %(run_id)s
