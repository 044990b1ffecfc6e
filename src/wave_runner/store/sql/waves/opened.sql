-- How long ago the last wave of each queue of a server was opened, by whomever.
SELECT q.queue_id, q.work_key, extract(epoch FROM clock_timestamp() - last.opened_at)::float8 AS seconds
FROM queues q
CROSS JOIN LATERAL (
    SELECT w.opened_at FROM waves w WHERE w.queue_id = q.queue_id ORDER BY w.opened_at DESC LIMIT 1
) AS last
WHERE q.lane = %(server)s
