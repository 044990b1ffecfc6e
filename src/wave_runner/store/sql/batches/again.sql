-- How many records a batch has that were there before it.
SELECT count(DISTINCT s.record_id) AS n
FROM staged_records s
WHERE s.run_id = %(run_id)s AND s.record_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM staged_records p WHERE p.record_id = s.record_id AND p.run_id = s.run_id AND p.state = 'promoted')
