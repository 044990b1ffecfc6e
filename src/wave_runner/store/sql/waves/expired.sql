-- Waves whose lease has run out, one sweeper each. A server that restarted gives every runner one lease to
-- reconnect and renew before anything is taken from it.
UPDATE waves w SET closed_at = clock_timestamp()
FROM runners r
WHERE r.runner_id = w.runner_id
  AND w.wave_id = ANY (ARRAY(
    SELECT wave_id FROM waves
    WHERE closed_at IS NULL AND lease_expires_at < clock_timestamp()
      AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(lease_s)s)
    ORDER BY wave_id
    LIMIT 100
    FOR UPDATE SKIP LOCKED))
RETURNING w.wave_id, w.runner_id, w.size, w.server,
          r.ended_at IS NOT NULL OR r.heartbeat_at < clock_timestamp() - make_interval(secs => %(lease_s)s) AS crashed
