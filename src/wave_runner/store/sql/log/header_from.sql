-- The first header of a batch at an index of the log or behind it: what it says is its time.
SELECT log_index, entry FROM event_log WHERE kind = 1 AND log_index >= %(index)s ORDER BY log_index LIMIT 1
