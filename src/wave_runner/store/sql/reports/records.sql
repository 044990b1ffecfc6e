-- The records of a run by verdict. One is completed when its workflow's `ensures` hold, and never because its last step is.
SELECT count(*) AS total,
       count(*) FILTER (WHERE state = 'live') AS live,
       count(*) FILTER (WHERE state = 'ended') AS ended,
       count(*) FILTER (WHERE state = 'completed') AS completed,
       count(*) FILTER (WHERE state = 'incomplete') AS incomplete
FROM run_records
WHERE run_id = %(run_id)s
