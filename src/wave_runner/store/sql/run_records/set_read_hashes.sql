-- What a record's first step read: the last attempt's reading counts. Later steps leave it as it is.
UPDATE run_records r SET read_hash = g.read_hash
FROM unnest(%(runs)s::bigint[], %(record_ids)s::bigint[], %(hashes)s::bytea[]) AS g (run_id, record_id, read_hash)
WHERE r.run_id = g.run_id AND r.record_id = g.record_id
