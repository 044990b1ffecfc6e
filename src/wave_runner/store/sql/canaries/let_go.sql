-- The others follow, if the canary was judged.
UPDATE fan_outs f SET room = NULL
FROM workflow_runs r
WHERE f.run_id = %(run_id)s AND f.room IS NOT NULL AND r.run_id = f.run_id AND r.canary_verdict IS NOT NULL
