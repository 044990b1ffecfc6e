-- Work that nobody seems to do: held by a wave whose lease has run out, or running longer than its threshold. That is what
-- was asked for; or else what 99 of 100 attempts of the queue have taken, once so many are measured. Only a model's
-- records are begun one by one: of a wave that is begun as a whole the last one waits for all before it.
SELECT i.interaction_id, i.state::text AS state, r.key, s.name AS step, a.name AS actor, w.wave_id, w.runner_id,
       rn.host, rn.pid,
       CASE WHEN i.state = 'running' THEN extract(epoch FROM clock_timestamp() - i.started_at)::float8 END AS running_s,
       allowed.threshold_s,
       CASE WHEN w.lease_expires_at < clock_timestamp() THEN 'lease_expired' ELSE 'running_long' END AS reason,
       count(*) OVER () AS total
FROM claimed c
CROSS JOIN LATERAL (
    -- One look by key for each: without statistics all interactions of the run are read else.
    SELECT interaction_id, run_step_id, queue_id, record_id, state, started_at
    FROM interactions
    WHERE run_id = c.run_id AND interaction_id = c.interaction_id AND (state = 'pending' OR (state = 'running' AND wave_id = c.wave_id))
    OFFSET 0
) AS i
JOIN waves w ON w.wave_id = c.wave_id
JOIN queues q ON q.queue_id = i.queue_id
JOIN runners rn USING (runner_id)
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a ON a.actor_id = rs.actor_id
LEFT JOIN records r USING (record_id)
CROSS JOIN LATERAL (
    SELECT coalesce(
        %(older_than_s)s::float8,
        CASE WHEN q.samples >= %(few)s
             THEN greatest(%(least_s)s::float8, q.p99_s * CASE a.kind WHEN 'ai_model' THEN 1 ELSE w.size END) END,
        %(unmeasured_s)s::float8) AS threshold_s
) AS allowed
WHERE c.run_id = %(run_id)s
  AND (w.lease_expires_at < clock_timestamp()
       OR (i.state = 'running' AND i.started_at < clock_timestamp() - make_interval(secs => allowed.threshold_s)))
ORDER BY i.started_at NULLS LAST, i.interaction_id
LIMIT %(limit)s
