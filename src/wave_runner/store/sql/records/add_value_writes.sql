-- What was changed of values, and events that commit to each of these rows, in the order in which they are numbered. What is
-- committed to has to be, byte for byte, what core/value_write.py makes of the row.
WITH given AS MATERIALIZED (
    SELECT g.*, nextval('value_write_ids') AS value_write_id
    FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(record_ids)s::bigint[], %(tables)s::text[], %(columns)s::text[],
                %(before)s::bytea[], %(after)s::bytea[], %(payload_ids)s::bigint[], %(before_commitments)s::bytea[], %(nonces)s::bytea[])
        AS g (run_id, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, before_payload_id,
              before_commitment, nonce)
), kept AS (
    INSERT INTO value_writes
        (run_id, value_write_id, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, before_payload_id,
         before_commitment, nonce, is_undo, is_intake)
    SELECT run_id, value_write_id, interaction_id, record_id, table_name, column_name, before_sha256, after_sha256, before_payload_id,
           before_commitment, nonce, %(is_undo)s, %(is_intake)s
    FROM given
), promised AS (
    SELECT run_id, value_write_id, (row_number() OVER (PARTITION BY run_id ORDER BY value_write_id) - 1) / %(at_once)s AS chunk,
           encode(sha256(nonce || convert_to(
               '{"after":"' || encode(after_sha256, 'hex') || '","at":' || (extract(epoch FROM now()) * 1000000)::bigint
               || ',"before":"' || encode(before_sha256, 'hex')
               || '","before_commitment":' || coalesce('"' || encode(before_commitment, 'hex') || '"', 'null')
               || ',"column":' || to_json(column_name)::text
               || ',"intake":' || %(is_intake)s::bool || ',"interaction":' || interaction_id || ',"record":' || record_id
               || ',"run":' || run_id || ',"table":' || to_json(table_name)::text || ',"undo":' || %(is_undo)s::bool
               || ',"write":' || value_write_id || '}', 'UTF8')), 'hex') AS c
    FROM given
), said AS (
    SELECT run_id, '{"payloads":[{"c":"' || string_agg(c, '"},{"c":"' ORDER BY value_write_id) || '"}]}' AS data
    FROM promised
    GROUP BY run_id, chunk
    ORDER BY run_id, chunk
)
INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
SELECT run_id, 1, 'values_written', %(wave_id)s, %(runner_id)s, data, sha256(convert_to(data, 'UTF8')) FROM said
