-- Where a runner has been in touch for a lease, no wave stays open for more than two seconds after its lease.
SELECT NULL::bigint AS run_id, NULL::bigint AS interaction_id,
       'wave ' || w.wave_id || ' is open '
       || round(extract(epoch FROM clock_timestamp() - w.lease_expires_at)::numeric, 1) || ' s after its lease' AS says
FROM waves w
WHERE w.closed_at IS NULL AND w.lease_expires_at < clock_timestamp() - interval '2 seconds'
  AND pg_postmaster_start_time() < w.lease_expires_at - make_interval(secs => %(lease_s)s)
  AND EXISTS (
      SELECT FROM runners r
      WHERE r.ended_at IS NULL AND r.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s / 2)
        AND r.started_at < w.lease_expires_at - make_interval(secs => %(lease_s)s))
