-- The records that a whole batch has not, and that its source had before: what had them last is an earlier run of the same workflow
-- with the same parameters.
SELECT r.record_id, r.key
FROM workflow_runs mine
JOIN workflow_runs earlier USING (workflow_id, params)
JOIN records r ON r.seen_in = earlier.run_id
WHERE mine.run_id = %(run_id)s AND earlier.run_id < mine.run_id AND r.vanished_in IS NULL
  AND NOT EXISTS (SELECT FROM erasures e WHERE e.record_id = r.record_id AND e.erased_at IS NOT NULL)
ORDER BY r.record_id
FOR NO KEY UPDATE OF r
