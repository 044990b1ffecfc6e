INSERT INTO log_checkpoints (size, note) VALUES (%(size)s, %(note)s)
