UPDATE breakers
SET position = 'open', failures = %(failures)s, trips = %(trips)s, probe_by = NULL,
    opened_at = coalesce(opened_at, clock_timestamp()), error_class = %(error_class)s,
    reason = %(reason)s, retry_at = clock_timestamp() + make_interval(secs => %(pause_s)s)
WHERE kind = %(kind)s AND name = %(name)s
