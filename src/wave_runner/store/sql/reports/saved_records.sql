-- How many records a run has, and of how many it has written a value.
SELECT (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s) AS executed,
       (SELECT count(DISTINCT record_id) FROM saved_values WHERE run_id = %(run_id)s) AS saved
