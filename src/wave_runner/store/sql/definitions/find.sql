SELECT d.definition_id, d.kind, d.name, d.sha256
FROM unnest(%(kinds)s::text[], %(names)s::text[], %(hashes)s::bytea[]) AS given (kind, name, sha256)
JOIN definitions d USING (kind, name, sha256)
