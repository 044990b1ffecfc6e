-- Where the events of a run stand; of one that was dropped, where that is said.
SELECT l.log_index
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.run_id = %(run_id)s AND l.log_index < %(size)s
UNION ALL
SELECT l.log_index
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.run_id = 0 AND e.type = 'history_dropped' AND l.log_index < %(size)s
  AND %(run_id)s BETWEEN (e.data::json ->> 'first_run')::bigint AND (e.data::json ->> 'last_run')::bigint
  AND EXISTS (SELECT FROM workflow_runs WHERE run_id = %(run_id)s)
