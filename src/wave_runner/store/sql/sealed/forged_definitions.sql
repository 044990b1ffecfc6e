-- Definitions whose bytes are not those of their hash. The table refuses such a row, unless somebody who owns it has said otherwise.
SELECT kind, name, encode(sha256, 'hex') AS sha256 FROM definitions WHERE sha256 <> sha256(body) ORDER BY definition_id LIMIT %(most)s
