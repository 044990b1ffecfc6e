SELECT count(*) AS n FROM event_log WHERE log_index >= %(size)s AND kind = 0
