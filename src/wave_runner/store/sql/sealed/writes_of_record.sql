-- Every value of a record that was changed, as it is kept, unless it is erased.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
       v.is_undo, v.is_intake, (extract(epoch FROM v.written_at) * 1000000)::bigint, v.nonce
FROM value_writes v JOIN records r USING (record_id)
WHERE r.key = %(key)s AND v.nonce IS NOT NULL
ORDER BY v.run_id, v.value_write_id
