-- How far the next stretch of the log goes, and whether that is the end: it goes no further than where the log tells that the
-- source has ended, unless that goes on again. NULL: there is none yet. Causes stand before what they led to: the results of a run
-- come before its end. Whether it goes on is asked in the same statement: asked before, an end that comes in between would be passed.
-- OFFSET 0: one look by key for each entry, however many events there are.
WITH ahead AS (
    SELECT max(l.log_index) + 1 AS following, min(l.log_index) FILTER (WHERE e.is_end) + 1 AS behind_end
    FROM (
        SELECT log_index, run_id, event_id FROM event_log WHERE log_index >= %(looked_to)s ORDER BY log_index LIMIT %(size)s
    ) AS l
    LEFT JOIN LATERAL (
        SELECT type IN ('run_completed', 'run_failed', 'run_cancelled') AS is_end FROM interaction_events
        WHERE l.run_id = %(source_run_id)s AND run_id = %(source_run_id)s AND event_id = l.event_id
        OFFSET 0
    ) AS e ON true
)
SELECT CASE WHEN is_end THEN behind_end ELSE following END AS following, is_end
FROM (
    SELECT following, behind_end, behind_end IS NOT NULL AND s.state <> 'running' AS is_end
    FROM ahead JOIN workflow_runs s ON s.run_id = %(source_run_id)s
) AS found
