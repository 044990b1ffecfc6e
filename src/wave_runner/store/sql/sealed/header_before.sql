-- The header of the batch that an entry belongs to.
SELECT log_index FROM event_log WHERE log_index < %(index)s AND kind = 1 ORDER BY log_index DESC LIMIT 1
