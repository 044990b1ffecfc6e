-- The ranges whose history is gone, by whose order, and how many runs each of them had.
SELECT g.first_run, g.following, g.month, g.dropped_at, g.requested_by, g.approved_by,
       (SELECT count(*) FROM workflow_runs w WHERE w.run_id >= g.first_run AND w.run_id < g.following) AS runs
FROM dropped_ranges g
ORDER BY g.first_run
