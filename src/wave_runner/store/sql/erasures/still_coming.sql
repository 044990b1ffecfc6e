-- Runs that may take the record up yet: they have promoted it, and have not come to it.
SELECT DISTINCT s.run_id
FROM staged_records s JOIN workflow_runs r USING (run_id)
WHERE s.record_id = %(record_id)s AND s.state IN ('promoted', 'updated') AND r.state = 'running' AND r.cancelled_at IS NULL
  AND NOT EXISTS (SELECT FROM run_records x WHERE x.run_id = s.run_id AND x.record_id = s.record_id)
ORDER BY s.run_id
