SELECT coalesce(max(log_index) + 1, 0) AS size FROM event_log
