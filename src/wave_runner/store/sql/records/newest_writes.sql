-- The newest in-force write of each value of these records; of one that is erased nobody knows what it was.
SELECT DISTINCT ON (v.record_id, v.table_name, v.column_name)
       v.record_id, v.table_name, v.column_name, v.run_id, v.after_sha256
FROM value_writes v
JOIN interactions i ON i.run_id = v.run_id AND i.interaction_id = v.interaction_id AND i.in_force
                   AND i.state = 'completed'
WHERE v.record_id = ANY (%(record_ids)s::bigint[]) AND v.after_sha256 IS NOT NULL
ORDER BY v.record_id, v.table_name, v.column_name, v.value_write_id DESC
