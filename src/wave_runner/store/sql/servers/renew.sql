UPDATE server_owners SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE runner_id = %(runner_id)s
