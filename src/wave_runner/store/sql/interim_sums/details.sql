-- What was counted last of the calls of some runs that are under way, of what they have written and of what has failed in them.
SELECT k.run_id, k.details, k.counted_at
FROM interim_sums k
JOIN workflow_runs r USING (run_id)
WHERE k.run_id = ANY (%(run_ids)s) AND k.details IS NOT NULL AND r.state = 'running'
