-- Definitions by their kind and hash; two names may share bytes.
SELECT DISTINCT ON (kind, sha256) kind, name, sha256, body
FROM definitions
WHERE kind IN ('script', 'file', 'prompt', 'schema', 'sql') AND sha256 = ANY (%(hashes)s::bytea[])
ORDER BY kind, sha256, definition_id
