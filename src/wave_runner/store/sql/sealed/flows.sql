-- The flows of a record of which anything is left.
SELECT DISTINCT rr.correlation_id::text AS correlation
FROM run_records rr JOIN records r USING (record_id)
WHERE r.key = %(key)s
  AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE rr.run_id >= g.first_run AND rr.run_id < g.following)
ORDER BY correlation
