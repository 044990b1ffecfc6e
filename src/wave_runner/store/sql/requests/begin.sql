-- Whoever comes second with the same key finds the first one's row.
INSERT INTO http_requests (person, key, sha256) VALUES (%(person)s, %(key)s, %(sha256)s) ON CONFLICT DO NOTHING RETURNING key
