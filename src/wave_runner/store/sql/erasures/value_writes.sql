-- The hashes of a record's values, before and after: that of a short text can be guessed. Returns what the rows were.
WITH kept AS MATERIALIZED (
    SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
           v.is_undo, v.is_intake, (extract(epoch FROM v.written_at) * 1000000)::bigint AS written_us, v.nonce, i.correlation_id
    FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
    WHERE v.record_id = %(record_id)s AND v.after_sha256 IS NOT NULL
), gone AS (
    UPDATE value_writes SET before_sha256 = NULL, after_sha256 = NULL, nonce = NULL
    WHERE (run_id, value_write_id) IN (SELECT run_id, value_write_id FROM kept)
)
SELECT * FROM kept
