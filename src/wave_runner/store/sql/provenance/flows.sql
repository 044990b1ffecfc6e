-- Every run that a record took part in and that has its history still, the oldest first.
SELECT rr.run_id FROM run_records rr WHERE rr.record_id = %(record_id)s
  AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE rr.run_id >= g.first_run AND rr.run_id < g.following)
ORDER BY rr.run_id
