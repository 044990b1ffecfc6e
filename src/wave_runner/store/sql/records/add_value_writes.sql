INSERT INTO value_writes
    (run_id, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, before_payload_id, is_intake)
SELECT g.*, %(is_intake)s FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(record_ids)s::bigint[], %(tables)s::text[],
                     %(columns)s::text[], %(before)s::bytea[], %(after)s::bytea[], %(payload_ids)s::bigint[]) AS g
