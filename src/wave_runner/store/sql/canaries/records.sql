-- How many records a run has begun, and of how many something was quarantined or has failed for good.
SELECT (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s) AS records,
       count(DISTINCT record_id) FILTER (WHERE state = 'quarantined') AS quarantined,
       count(DISTINCT record_id) FILTER (WHERE state = 'failed') AS failed
FROM interactions
WHERE run_id = %(run_id)s AND (error IS NOT NULL OR rule IS NOT NULL) AND record_id IS NOT NULL AND in_force
