-- Every value of a record that was changed, as it is kept, unless it is erased.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
       v.before_commitment, v.is_undo, v.is_intake,
       CASE WHEN v.written_at BETWEEN '0001-01-01' AND '9999-12-31' THEN (extract(epoch FROM v.written_at) * 1000000)::bigint END,
       v.nonce
FROM value_writes v JOIN records r USING (record_id)
WHERE r.key = %(key)s AND v.nonce IS NOT NULL
ORDER BY v.run_id, v.value_write_id
