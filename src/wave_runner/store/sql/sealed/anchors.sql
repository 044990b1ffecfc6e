-- What has happened to the log itself.
SELECT entry FROM event_log WHERE kind = 2 ORDER BY log_index
