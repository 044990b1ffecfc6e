SELECT key FROM run_records JOIN records USING (record_id)
WHERE run_id = %(run_id)s AND state IN ('completed', 'incomplete')
ORDER BY run_records.state, record_id
LIMIT 1
