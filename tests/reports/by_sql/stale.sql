WITH held AS (
    SELECT i.interaction_id, w.wave_id, n.pid, extract(epoch FROM clock_timestamp() - i.started_at) AS running_s, 1800 AS threshold_s
    FROM interactions i JOIN waves w USING (wave_id) JOIN runners n USING (runner_id)
    WHERE i.run_id = %(run_id)s AND i.state = 'running' AND w.lease_expires_at < clock_timestamp()
)
SELECT jsonb_build_object('run_id', %(run_id)s, 'stale', jsonb_build_object('total', count(*), 'oldest', jsonb_agg(to_jsonb(h))))
FROM held h
