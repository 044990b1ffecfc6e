-- The key is the second lock: a time of a schedule cannot be fired twice, whatever its `next_at` says.
INSERT INTO firings (schedule, due_at, run_id) VALUES (%(name)s, %(due_at)s, %(run_id)s)
