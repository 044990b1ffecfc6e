-- Work that nobody seems to do: held by a wave whose lease has run out, or running longer than the threshold.
SELECT i.interaction_id, i.state::text AS state, r.key, s.name AS step, a.name AS actor, i.wave_id, w.runner_id,
       rn.host, rn.pid,
       CASE WHEN i.state = 'running' THEN extract(epoch FROM clock_timestamp() - i.started_at)::float8 END AS running_s,
       CASE WHEN w.lease_expires_at < clock_timestamp() THEN 'lease_expired' ELSE 'running_long' END AS reason,
       count(*) OVER () AS total
FROM interactions i
JOIN waves w USING (wave_id)
JOIN runners rn USING (runner_id)
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
LEFT JOIN records r USING (record_id)
WHERE i.run_id = %(run_id)s AND i.state IN ('pending', 'running') AND i.wave_id IS NOT NULL
  AND (w.lease_expires_at < clock_timestamp()
       OR (i.state = 'running' AND i.started_at < clock_timestamp() - make_interval(secs => %(threshold_s)s)))
ORDER BY i.started_at NULLS LAST, i.interaction_id
LIMIT %(limit)s
