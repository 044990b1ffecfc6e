SELECT name FROM schedules WHERE next_at <= clock_timestamp() ORDER BY next_at, name
