-- Every request to drop old months, the newest first: which runs it is about, and how far it has come. One of which nothing is
-- ordered yet names no runs.
SELECT d.drop_id, d.before, d.basis, d.requested_by, d.requested_at, d.withdrawn_at, d.approved_by, d.approved_at,
       min(r.first_run) AS first_run, max(r.following) - 1 AS last_run,
       count(r.first_run) AS ranges, count(r.dropped_at) AS dropped, max(r.dropped_at) AS dropped_at
FROM drops d LEFT JOIN run_ranges r USING (drop_id)
GROUP BY d.drop_id
ORDER BY d.requested_at DESC, d.drop_id
