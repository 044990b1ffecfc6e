UPDATE runners SET heartbeat_at = clock_timestamp() WHERE runner_id = %(runner_id)s RETURNING told
