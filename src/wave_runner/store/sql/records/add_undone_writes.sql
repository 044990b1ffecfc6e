-- What was written was taken back, and stands with the interaction whose writing that was.
INSERT INTO value_writes
    (run_id, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, before_payload_id, is_undo)
SELECT %(run_id)s, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, payload_id, true
FROM unnest(%(ids)s::bigint[], %(record_ids)s::bigint[], %(tables)s::text[], %(columns)s::text[], %(before)s::bytea[],
            %(after)s::bytea[], %(payload_ids)s::bigint[])
    AS g (interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, payload_id)
