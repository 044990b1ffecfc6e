-- Where interactions that were begun in a stretch of the log went on behind it up to their newest attempt: only the input of that one is kept.
WITH begun AS MATERIALIZED (
    SELECT DISTINCT e.run_id, e.interaction_id
    FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
    WHERE l.log_index >= %(first)s AND l.log_index < %(end)s AND e.type = 'interaction_started'
), newest AS MATERIALIZED (
    SELECT e.run_id, e.interaction_id, max(e.seq) AS seq
    FROM begun JOIN interaction_events e USING (run_id, interaction_id)
    WHERE e.type = 'interaction_started'
    GROUP BY e.run_id, e.interaction_id
)
SELECT l.log_index
FROM newest n
JOIN interaction_events e ON e.run_id = n.run_id AND e.interaction_id = n.interaction_id AND e.seq <= n.seq
JOIN event_log l ON l.event_id = e.event_id
WHERE l.log_index >= %(end)s AND l.log_index < %(size)s
