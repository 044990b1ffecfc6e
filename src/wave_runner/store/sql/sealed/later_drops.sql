-- Orders behind a stretch of the log to drop events in it, and that they are done: what it speaks of may be gone since.
WITH said AS MATERIALIZED (
    SELECT event_id, type, data::json AS data FROM interaction_events WHERE run_id = 0 AND type IN ('drop_ordered', 'history_dropped')
), orders AS MATERIALIZED (
    SELECT event_id, data FROM said
    WHERE type = 'drop_ordered' AND (data -> 'gone' ->> 0)::bigint < %(end)s AND (data -> 'gone' ->> -1)::bigint > %(first)s
)
SELECT l.log_index
FROM event_log l
JOIN (
    SELECT event_id FROM orders
    UNION
    SELECT s.event_id FROM said s JOIN orders o ON s.type = 'history_dropped'
        AND s.data ->> 'drop' = o.data ->> 'drop' AND s.data ->> 'first_run' = o.data ->> 'first_run'
) AS wanted USING (event_id)
WHERE l.log_index >= %(end)s AND l.log_index < %(size)s
