-- A page of waves, the newest first: all, or those of queues that a run waits in, from its beginning to its end. A wave is for all runs
-- that wait for the same, so it can hold work of others too. Of each queue no more are looked at than the page has.
WITH span AS (
    SELECT DISTINCT rs.queue_id, r.started_at, coalesce(r.ended_at, 'infinity') AS ended_at
    FROM workflow_runs r JOIN run_steps rs USING (run_id)
    WHERE r.run_id = %(run_id)s
), page AS MATERIALIZED (
    (SELECT wave_id FROM waves
     WHERE %(run_id)s::bigint IS NULL AND wave_id < %(before)s
     ORDER BY wave_id DESC
     LIMIT %(limit)s)
    UNION ALL
    SELECT w.wave_id
    FROM span
    CROSS JOIN LATERAL (
        SELECT wave_id FROM waves
        WHERE queue_id = span.queue_id AND wave_id < %(before)s AND opened_at >= span.started_at
          AND opened_at <= least(span.ended_at, (SELECT opened_at FROM waves WHERE wave_id = %(before)s))
        ORDER BY opened_at DESC
        LIMIT %(limit)s
    ) AS w
)
SELECT w.wave_id, a.name AS actor, a.kind, w.server, w.slot, v.model, v.visit_id, v.loaded, v.load_us, w.size, w.opened_at, w.closed_at,
       w.runner_id, n.host, opened.data AS opened, ended.type::text AS ended_by, ended.data AS ended
FROM (SELECT wave_id FROM page ORDER BY wave_id DESC LIMIT %(limit)s) AS newest
JOIN waves w USING (wave_id)
JOIN queues q USING (queue_id)
JOIN actors a USING (actor_id)
JOIN runners n ON n.runner_id = w.runner_id
LEFT JOIN visits v USING (visit_id)
LEFT JOIN LATERAL (
    SELECT data FROM interaction_events
    WHERE run_id = 0 AND interaction_id IS NULL AND wave_id = w.wave_id AND type = 'wave_opened'
    LIMIT 1
) AS opened ON true
LEFT JOIN LATERAL (
    SELECT type, data FROM interaction_events
    WHERE run_id = 0 AND interaction_id IS NULL AND wave_id = w.wave_id AND type IN ('wave_closed', 'wave_expired')
    LIMIT 1
) AS ended ON true
ORDER BY w.wave_id DESC
