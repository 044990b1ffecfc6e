-- Runs whose history is gone, range by range, and by whose order: all of them, one, or those that a record was in.
SELECT min(w.run_id) AS first_run, max(w.run_id) AS last_run, count(*) AS runs, g.dropped_at, g.requested_by, g.approved_by
FROM dropped_ranges g
JOIN workflow_runs w ON w.run_id >= g.first_run AND w.run_id < g.following
WHERE (%(run_id)s::bigint IS NULL OR w.run_id = %(run_id)s)
  AND (%(record_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM run_records rr WHERE rr.run_id = w.run_id AND rr.record_id = %(record_id)s))
GROUP BY g.first_run, g.dropped_at, g.requested_by, g.approved_by
ORDER BY g.first_run
