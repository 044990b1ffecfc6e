-- How far the next stretch of the log goes, and whether it tells that the source has ended. NULL: there is none yet. Causes stand
-- before what they led to: the results of a run come before its end. OFFSET 0: one look by key for each entry, however many events
-- there are.
SELECT max(l.log_index) + 1 AS looked_to, coalesce(bool_or(e.is_end), false) AS tells_end
FROM (
    SELECT log_index, run_id, event_id FROM event_log WHERE log_index >= %(looked_to)s ORDER BY log_index LIMIT %(size)s
) AS l
LEFT JOIN LATERAL (
    SELECT type IN ('run_completed', 'run_failed', 'run_cancelled') AS is_end FROM interaction_events
    WHERE l.run_id = %(source_run_id)s AND run_id = %(source_run_id)s AND event_id = l.event_id
    OFFSET 0
) AS e ON true
