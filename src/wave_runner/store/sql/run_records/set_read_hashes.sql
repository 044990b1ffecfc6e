-- What a record's first step read: the last attempt's reading counts. Later steps leave it as it is. Only of what this wave has begun.
UPDATE run_records r SET read_hash = g.read_hash
FROM unnest(%(runs)s::bigint[], %(ids)s::bigint[], %(record_ids)s::bigint[], %(hashes)s::bytea[])
     AS g (run_id, interaction_id, record_id, read_hash)
WHERE r.run_id = g.run_id AND r.record_id = g.record_id
  AND EXISTS (SELECT FROM interactions i
              WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id AND i.state = 'running' AND i.wave_id = %(wave_id)s
              OFFSET 0)
