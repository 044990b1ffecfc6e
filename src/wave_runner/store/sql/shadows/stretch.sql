-- How far the next stretch of the log goes, and whether it tells that the source has ended. NULL: there is none yet. Causes stand
-- before what they led to: the results of a run come before its end.
SELECT max(l.log_index) + 1 AS looked_to, coalesce(bool_or(e.type IN ('run_completed', 'run_failed', 'run_cancelled')), false) AS tells_end
FROM (
    SELECT log_index, run_id, event_id FROM event_log WHERE log_index >= %(looked_to)s ORDER BY log_index LIMIT %(size)s
) AS l
LEFT JOIN interaction_events e ON l.run_id = %(source_run_id)s AND e.run_id = %(source_run_id)s AND e.event_id = l.event_id
