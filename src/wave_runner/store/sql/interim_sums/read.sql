-- What a run that is under way came to when it was counted last. Of one that has ended nothing: it is kept, or counted.
SELECT k.counted_at, k.sums
FROM interim_sums k
JOIN workflow_runs r USING (run_id)
WHERE k.run_id = %(run_id)s AND k.sums IS NOT NULL AND r.state = 'running'
