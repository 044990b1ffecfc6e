INSERT INTO runners (runner_id, host, pid, version, labels, servers, script_slots) VALUES (%(runner_id)s, %(host)s, %(pid)s, %(version)s, %(labels)s, %(servers)s, %(script_slots)s)
ON CONFLICT (runner_id) DO NOTHING
