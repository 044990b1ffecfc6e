SELECT note FROM log_checkpoints ORDER BY size
