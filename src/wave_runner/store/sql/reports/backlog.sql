-- Work that a runner may take up now: of the queues that nothing holds up from outside, the head that has waited longest, and since when
-- nobody has begun or ended anything at all though somebody could; NULL while anything is in hand. No row where nothing is there to be done.
WITH heads AS (
    SELECT a.name AS actor, i.waits_since, able.since AS able_since
    FROM queues q
    JOIN actors a USING (actor_id)
    CROSS JOIN LATERAL (
        SELECT run_id, interaction_id FROM claimable
        WHERE queue_id = q.queue_id AND run_id <> ALL (ARRAY(SELECT run_id FROM held_runs))
        ORDER BY rank, interaction_id
        LIMIT 1
    ) AS head
    JOIN interactions i ON i.run_id = head.run_id AND i.interaction_id = head.interaction_id
    CROSS JOIN LATERAL (
        SELECT min(n.started_at) AS since FROM runners n
        WHERE n.ended_at IS NULL AND n.told = 'work'
          AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s) AND q.needs <@ n.labels
          AND CASE a.kind WHEN 'ai_model' THEN q.lane = ANY (n.servers) WHEN 'script' THEN n.script_slots > 0 ELSE true END
    ) AS able
    WHERE able.since IS NOT NULL AND NOT a.stopped AND a.paused_at IS NULL
      AND NOT EXISTS (SELECT FROM breakers b
                      WHERE b.position <> 'closed' AND a.kind = 'ai_model'
                        AND ((b.kind = 'server' AND b.name = q.lane) OR (b.kind = 'model' AND b.name = a.name)))
)
SELECT h.actor, extract(epoch FROM clock_timestamp() - h.waits_since)::float8 AS waited_s, still.since AS still_since,
       extract(epoch FROM clock_timestamp() - still.since)::float8 AS still_s
FROM heads h
CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT EXISTS (SELECT FROM waves WHERE closed_at IS NULL)
                THEN greatest(h.waits_since, h.able_since, (SELECT max(greatest(opened_at, closed_at))
                                             FROM (SELECT opened_at, closed_at FROM waves ORDER BY wave_id DESC LIMIT 100) AS newest)) END AS since
) AS still
ORDER BY h.waits_since
LIMIT 1
