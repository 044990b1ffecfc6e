-- The next values that were changed in a run, as they are kept. With each comes its commitment, where it is erased; whether it
-- cannot be true, whatever the log says; and whether what stood there before is gone. Not true is one whose value before is kept and
-- is something else, or is said to be kept and has no row, and one that is erased though its record was not, or is none of its interaction's.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.record_id, v.table_name, v.column_name, v.before_sha256, v.after_sha256,
       v.before_commitment, v.is_undo, v.is_intake,
       CASE WHEN v.written_at BETWEEN '0001-01-01' AND '9999-12-31' THEN (extract(epoch FROM v.written_at) * 1000000)::bigint END,
       v.nonce, v.commitment,
       CASE WHEN v.nonce IS NULL
            THEN NOT EXISTS (SELECT FROM erasures e WHERE e.record_id = v.record_id AND e.erased_at IS NOT NULL)
                 OR EXISTS (SELECT FROM interactions i
                            WHERE i.run_id = v.run_id AND i.interaction_id = v.interaction_id AND i.record_id <> v.record_id)
            WHEN v.before_payload_id IS NULL THEN v.before_commitment IS NOT NULL OR v.before_sha256 <> sha256('null')
            ELSE p.payload_id IS NULL OR v.before_commitment IS NULL OR coalesce(sha256(p.content) <> v.before_sha256, false)
                 OR coalesce(sha256(p.nonce || p.content) <> v.before_commitment, false) END,
       p.payload_id IS NOT NULL AND (p.content IS NULL OR p.nonce IS NULL)
FROM value_writes v LEFT JOIN payloads p ON p.run_id = v.run_id AND p.payload_id = v.before_payload_id
WHERE v.run_id = %(run_id)s AND v.value_write_id >= %(first)s
ORDER BY v.value_write_id
LIMIT %(most)s
