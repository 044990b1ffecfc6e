SELECT coalesce(max(next_index), 0) AS size FROM log_state
