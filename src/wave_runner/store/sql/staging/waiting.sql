-- raw::text, not the json: the driver's own reader would lose what makes a row broken.
SELECT staged_id AS id, raw::text AS raw, source
FROM staged_records
WHERE run_id = %(run_id)s AND state = 'waiting' AND staged_id > %(after)s
ORDER BY staged_id
LIMIT %(limit)s
