-- A record's values that were changed, as they are kept, to be erased.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
       v.before_commitment, v.is_undo, v.is_intake,
       CASE WHEN v.written_at BETWEEN '0001-01-01' AND '9999-12-31' THEN (extract(epoch FROM v.written_at) * 1000000)::bigint END AS written_us,
       v.nonce, i.correlation_id
FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
WHERE v.record_id = %(record_id)s AND v.after_sha256 IS NOT NULL
ORDER BY v.run_id, v.value_write_id
FOR UPDATE OF v
