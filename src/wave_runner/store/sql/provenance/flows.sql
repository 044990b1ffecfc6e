-- Every run that a record took part in, the oldest first.
SELECT rr.run_id FROM run_records rr WHERE rr.record_id = %(record_id)s ORDER BY rr.run_id
