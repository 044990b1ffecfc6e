-- Where the events of a range stand in the log: stretches of indexes that follow each other, the second index not in them.
SELECT min(log_index) AS first, max(log_index) + 1 AS behind
FROM (
    SELECT log_index, log_index - row_number() OVER (ORDER BY log_index) AS stretch
    FROM event_log WHERE run_id >= %(first_run)s AND run_id < %(following)s
) AS entries
GROUP BY stretch
ORDER BY first
