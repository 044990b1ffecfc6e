-- What had gone wrong in a run as far as an index of the log says, by step and reason: the settled failures, and what waited for
-- another try after one. Of each interaction the last event that moved it speaks.
WITH moved AS (
    SELECT DISTINCT ON (e.interaction_id) e.correlation_id, e.step, e.type, e.data
    FROM interaction_events e JOIN event_log l USING (event_id)
    WHERE e.run_id = %(run_id)s AND e.interaction_id IS NOT NULL AND l.log_index < %(before)s
      AND e.type = ANY (%(types)s::event_type[])
    ORDER BY e.interaction_id, e.seq DESC
), said AS (
    SELECT correlation_id, step, type, data::json AS data
    FROM moved
    WHERE type IN ('interaction_failed', 'interaction_quarantined', 'interaction_retry_scheduled')
)
SELECT step,
       CASE type WHEN 'interaction_failed' THEN 'failed' WHEN 'interaction_quarantined' THEN 'quarantined' ELSE 'retrying' END AS state,
       coalesce(data ->> 'rule', data ->> 'error_class') AS reason,
       count(*) AS n, count(DISTINCT correlation_id) AS records
FROM said
GROUP BY 1, 2, 3
ORDER BY n DESC, step, state, reason
