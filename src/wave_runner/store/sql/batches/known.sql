-- Each batch, the newest first: what has become of its rows, and what has vanished with it.
SELECT s.run_id, w.name AS workflow, s.collection, r.state AS run_state, r.revalidates, s.rows, s.waiting, s.promoted, s.updated, s.unchanged,
       s.rejected, s.revalidated, s.rolled_back, b.state AS whole, b.known, b.vanished, b.decided_by, b.reason, s.staged_at
FROM (
    SELECT run_id, min(collection) AS collection, count(*) AS rows, min(staged_at) AS staged_at,
           count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'promoted') AS promoted,
           count(*) FILTER (WHERE state = 'updated') AS updated,
           count(*) FILTER (WHERE state = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE state = 'rejected') AS rejected,
           count(*) FILTER (WHERE state = 'revalidated') AS revalidated,
           count(*) FILTER (WHERE state = 'rolled_back') AS rolled_back
    FROM staged_records
    WHERE %(run_id)s::bigint IS NULL OR run_id = %(run_id)s
    GROUP BY run_id
) AS s
JOIN workflow_runs r USING (run_id)
JOIN workflows w USING (workflow_id)
LEFT JOIN batches b USING (run_id)
ORDER BY s.run_id DESC
