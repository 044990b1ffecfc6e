-- Content-addressed: what is there already stays as it is, with the time it was first seen.
INSERT INTO definitions (kind, name, sha256, body)
SELECT kind, name, sha256(body), body
FROM unnest(%(kinds)s::text[], %(names)s::text[], %(bodies)s::bytea[]) AS given (kind, name, body)
ON CONFLICT (kind, name, sha256) DO NOTHING
