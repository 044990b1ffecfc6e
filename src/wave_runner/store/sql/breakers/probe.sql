-- One runner may try: the time of the breaker has come, and whoever tried before it has had its own.
UPDATE breakers
SET position = 'half_open', probe_by = %(runner_id)s, retry_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE kind = %(kind)s AND name = %(name)s AND position <> 'closed' AND retry_at <= clock_timestamp()
RETURNING name
