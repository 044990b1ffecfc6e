-- What each slot of each model server has in hand at this moment, and which model its server was asked for last: that one is in memory,
-- unless its runner has ended since or the server has let it go by itself. A server that has nothing in hand has one row.
SELECT l.server, w.slot, w.wave_id, a.name AS actor, w.size, w.opened_at, w.runner_id,
       coalesce(w.lease_expires_at < clock_timestamp(), false) AS lost,
       v.model, v.loaded, v.load_us, v.opened_at AS asked_at
FROM (SELECT DISTINCT q.lane AS server FROM queues q JOIN actors a USING (actor_id) WHERE a.kind = 'ai_model') AS l
LEFT JOIN waves w ON w.server = l.server AND w.closed_at IS NULL
LEFT JOIN queues q USING (queue_id)
LEFT JOIN actors a USING (actor_id)
LEFT JOIN LATERAL (
    SELECT model, loaded, load_us, opened_at FROM visits WHERE server = l.server ORDER BY visit_id DESC LIMIT 1
) AS v ON true
ORDER BY l.server, w.slot
