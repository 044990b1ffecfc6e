-- Bytes by their hash. Two names may share them; any one will do.
SELECT DISTINCT ON (sha256) sha256, body FROM definitions WHERE sha256 = ANY (%(hashes)s::bytea[]) ORDER BY sha256
