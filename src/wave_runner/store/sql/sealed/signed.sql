-- The log as it was last signed: no more of it can be shown to anybody.
SELECT c.size, c.note, s.public_key
FROM log_checkpoints c, log_state s
ORDER BY c.size DESC
LIMIT 1
