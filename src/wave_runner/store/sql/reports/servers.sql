-- Every model server that any work was for, and every server or model that has ever failed: how its breaker stands, whose
-- the server is where it can be only one runner's, and how many runners at work can ask it. A model is asked by its server.
SELECT k.kind, k.name, coalesce(k.server, '') AS server, coalesce(b.position, 'closed') AS position,
       coalesce(b.failures, 0) AS failures, coalesce(b.trips, 0) AS trips,
       CASE WHEN b.retry_at IS NOT NULL THEN greatest(0, extract(epoch FROM b.retry_at - clock_timestamp()))::float8 END AS retry_s,
       b.error_class, b.reason, b.probe_by, o.runner_id AS owner_id,
       (SELECT count(*) FROM runners n
        WHERE n.ended_at IS NULL AND n.told = 'work' AND k.server = ANY (n.servers)
          AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)) AS runners
FROM (
    SELECT 'server' AS kind, q.lane AS name, q.lane AS server
    FROM queues q JOIN actors a USING (actor_id) WHERE a.kind = 'ai_model'
    UNION
    SELECT kind, name,
           CASE kind WHEN 'server' THEN name ELSE
               (SELECT q.lane FROM queues q JOIN actors a USING (actor_id)
                WHERE a.name = breakers.name ORDER BY q.queue_id DESC LIMIT 1) END
    FROM breakers
) AS k
LEFT JOIN breakers b USING (kind, name)
LEFT JOIN server_owners o ON k.kind = 'server' AND o.server = k.name AND o.lease_expires_at > clock_timestamp()
ORDER BY coalesce(b.position, 'closed') <> 'closed' DESC, failures DESC, k.kind DESC, k.name
