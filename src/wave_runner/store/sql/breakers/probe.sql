-- One runner may try: the time of the breaker has come, and whoever tried before it has had its own, or is gone.
UPDATE breakers
SET position = 'half_open', probe_by = %(runner_id)s, retry_at = clock_timestamp() + make_interval(secs => %(probe_s)s)
WHERE kind = %(kind)s AND name = %(name)s AND position <> 'closed'
  AND (retry_at <= clock_timestamp()
       OR NOT EXISTS (SELECT FROM runners p WHERE p.runner_id = probe_by AND p.ended_at IS NULL
                        AND p.heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)) AND probe_by IS NOT NULL)
RETURNING name
