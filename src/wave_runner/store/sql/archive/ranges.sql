-- The months that are there still and have runs: those from `since` on and before `before`, as far as either is said.
SELECT r.first_run, r.following, r.month
FROM run_ranges r
WHERE r.dropped_at IS NULL
  AND (%(since)s::date IS NULL OR r.month >= %(since)s::date)
  AND (%(before)s::date IS NULL OR r.month < %(before)s::date)
  AND EXISTS (SELECT FROM workflow_runs w WHERE w.run_id >= r.first_run AND w.run_id < r.following)
ORDER BY r.first_run
