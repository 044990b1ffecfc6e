-- What has happened to the log itself: epochs that were opened, keys that were replaced.
SELECT entry FROM event_log WHERE kind = 2 ORDER BY log_index
