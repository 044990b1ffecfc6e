-- What waits for a model, for a label, or for an actor that has an account, queue by queue, in runs that have not ended: by the live
-- counts, so that the cost does not grow with what waits; only what waits for its time is counted itself. `asked`: a runner
-- is at work that can ask the model's server, or do scripts; `able`: it also has the labels that the work needs.
SELECT a.name AS actor, CASE a.kind WHEN 'ai_model' THEN q.lane ELSE '' END AS server, q.needs,
       a.stopped AS drifted, a.paused_at IS NOT NULL AS paused,
       l.waiting, l.held, l.running,
       coalesce(d.delayed, 0) AS delayed,
       coalesce(r.asked, false) AS asked, coalesce(r.able, false) AS able
FROM queues q
JOIN actors a USING (actor_id)
JOIN (
    SELECT rs.queue_id,
           coalesce(sum(c.n) FILTER (WHERE c.state = 'pending'), 0)::bigint AS waiting,
           coalesce(sum(c.n) FILTER (WHERE c.state = 'pending' AND r.run_id IN (SELECT run_id FROM held_runs)), 0)::bigint AS held,
           coalesce(sum(c.n) FILTER (WHERE c.state = 'running'), 0)::bigint AS running
    FROM workflow_runs r
    JOIN run_steps rs USING (run_id)
    CROSS JOIN LATERAL (
        SELECT state, n FROM counts WHERE run_id = rs.run_id AND run_step_id = rs.run_step_id
        UNION ALL
        SELECT state, delta FROM count_deltas WHERE run_id = rs.run_id AND run_step_id = rs.run_step_id
    ) AS c
    WHERE r.state = 'running'
    GROUP BY rs.queue_id
) AS l USING (queue_id)
LEFT JOIN (
    -- What is parked with its run has no time of its own.
    SELECT queue_id, count(*) AS delayed FROM interactions WHERE ready_at < 'infinity' GROUP BY queue_id
) AS d USING (queue_id)
LEFT JOIN LATERAL (
    SELECT true AS asked, bool_or(q.needs <@ n.labels) AS able
    FROM runners n
    WHERE n.ended_at IS NULL AND n.told = 'work'
      AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)
      AND CASE a.kind WHEN 'ai_model' THEN q.lane = ANY (n.servers) ELSE n.script_slots > 0 END
    HAVING count(*) > 0
) AS r ON true
WHERE (l.waiting > 0 OR l.running > 0)
  AND (a.kind = 'ai_model' OR q.needs <> '{}' OR EXISTS (SELECT FROM accounts c WHERE c.kind = 'actor' AND c.name = a.name))
ORDER BY l.waiting DESC, a.name, q.queue_id
