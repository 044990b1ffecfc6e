SELECT size, note, signed_at FROM log_checkpoints ORDER BY size DESC LIMIT 1
