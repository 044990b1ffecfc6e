-- What lanes have in hand: the open waves of every runner, and the model that each is for.
SELECT w.wave_id, n.host, n.pid, coalesce(w.server, q.lane) AS lane, w.slot, a.name AS actor, v.model, w.size,
       extract(epoch FROM clock_timestamp() - w.opened_at)::float8 AS open_s
FROM waves w
JOIN runners n ON n.runner_id = w.runner_id
JOIN queues q ON q.queue_id = w.queue_id
JOIN actors a ON a.actor_id = q.actor_id
LEFT JOIN visits v ON v.visit_id = w.visit_id
WHERE w.closed_at IS NULL
ORDER BY lane, w.slot NULLS FIRST, w.wave_id
LIMIT %(limit)s
