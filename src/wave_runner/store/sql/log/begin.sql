-- The log's one row, when the first sealer looks at it.
INSERT INTO log_state (origin) SELECT %(origin)s ON CONFLICT DO NOTHING
