INSERT INTO runners (runner_id, host, pid, version) VALUES (%(runner_id)s, %(host)s, %(pid)s, %(version)s)
ON CONFLICT (runner_id) DO NOTHING
