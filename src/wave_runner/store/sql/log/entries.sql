SELECT entry FROM event_log WHERE log_index >= %(first)s AND log_index < %(end)s ORDER BY log_index
