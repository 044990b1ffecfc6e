-- The next values that were changed in a run, as they are kept, unless they are erased; and whether what stood there before is kept
-- and is something else.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
       v.is_undo, v.is_intake, (extract(epoch FROM v.written_at) * 1000000)::bigint, v.nonce,
       CASE WHEN v.before_payload_id IS NULL THEN v.before_sha256 <> sha256('null')
            ELSE p.payload_id IS NULL OR coalesce(sha256(p.content) <> v.before_sha256, false) END
FROM value_writes v LEFT JOIN payloads p ON p.run_id = v.run_id AND p.payload_id = v.before_payload_id
WHERE v.run_id = %(run_id)s AND v.value_write_id > %(after)s AND v.nonce IS NOT NULL
ORDER BY v.value_write_id
LIMIT %(most)s
