SELECT DISTINCT rr.correlation_id::text AS correlation
FROM run_records rr JOIN records r USING (record_id)
WHERE r.key = %(key)s
ORDER BY correlation
