INSERT INTO alerts (run_id, kind, message) VALUES (%(run_id)s, %(kind)s, %(message)s) ON CONFLICT DO NOTHING RETURNING kind
