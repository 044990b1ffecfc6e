-- Work that a runner may take up now: of the queues that nothing holds up from outside, the head that has waited longest, and since when
-- nobody has begun or ended anything at all; NULL while anything is in hand. No row where nothing is there to be done.
WITH heads AS (
    SELECT a.name AS actor, i.created_at
    FROM queues q
    JOIN actors a USING (actor_id)
    CROSS JOIN LATERAL (
        SELECT run_id, interaction_id FROM claimable
        WHERE queue_id = q.queue_id AND run_id <> ALL (ARRAY(SELECT run_id FROM held_runs))
        ORDER BY rank, interaction_id
        LIMIT 1
    ) AS head
    JOIN interactions i ON i.run_id = head.run_id AND i.interaction_id = head.interaction_id
    WHERE NOT a.stopped AND a.paused_at IS NULL
      AND NOT EXISTS (SELECT FROM breakers b
                      WHERE b.position <> 'closed' AND a.kind = 'ai_model'
                        AND ((b.kind = 'server' AND b.name = q.lane) OR (b.kind = 'model' AND b.name = a.name)))
      AND EXISTS (SELECT FROM runners n
                  WHERE n.ended_at IS NULL AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s)
                    AND q.needs <@ n.labels)
)
SELECT h.actor, extract(epoch FROM clock_timestamp() - h.created_at)::float8 AS waited_s, still.since AS still_since,
       extract(epoch FROM clock_timestamp() - still.since)::float8 AS still_s
FROM heads h
CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT EXISTS (SELECT FROM waves WHERE closed_at IS NULL)
                THEN greatest(h.created_at, (SELECT max(greatest(opened_at, closed_at))
                                             FROM (SELECT opened_at, closed_at FROM waves ORDER BY wave_id DESC LIMIT 100) AS newest)) END AS since
) AS still
ORDER BY h.created_at
LIMIT 1
