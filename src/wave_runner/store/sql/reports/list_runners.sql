-- Runners that have not ended, those at work first: what each has been told, what it can do, and how much it has in hand.
SELECT n.runner_id, n.host, n.pid, n.version, n.started_at, n.heartbeat_at, n.told, n.labels, n.servers, n.script_slots,
       n.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s) AS heard,
       coalesce(w.waves, 0) AS waves, coalesce(w.interactions, 0) AS interactions
FROM runners n
LEFT JOIN (SELECT runner_id, count(*) AS waves, sum(size) AS interactions FROM waves WHERE closed_at IS NULL GROUP BY runner_id) AS w
    USING (runner_id)
WHERE n.ended_at IS NULL
ORDER BY heard DESC, n.started_at DESC
LIMIT %(limit)s
