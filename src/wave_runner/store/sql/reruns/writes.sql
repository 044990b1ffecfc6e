-- What a rerun has written of records: of each value the first write of its, with what stood there before, and the last one. `newest`
-- says whether nobody has written it since.
WITH mine AS MATERIALIZED (
    SELECT v.*, i.attempt
    FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
    WHERE v.run_id = %(run_id)s AND v.record_id = ANY (%(record_ids)s::bigint[]) AND i.generation = %(generation)s AND i.in_force AND NOT v.is_undo
      AND v.after_sha256 IS NOT NULL
), first AS (
    SELECT DISTINCT ON (record_id, table_name, column_name) * FROM mine ORDER BY record_id, table_name, column_name, value_write_id
), last AS (
    SELECT DISTINCT ON (record_id, table_name, column_name) * FROM mine ORDER BY record_id, table_name, column_name, value_write_id DESC
)
SELECT f.record_id, f.table_name, f.column_name, l.interaction_id, l.attempt, f.before_sha256, l.after_sha256,
       convert_from(p.content, 'UTF8') AS before, f.before_payload_id IS NOT NULL AND p.content IS NULL AS before_erased,
       NOT EXISTS (SELECT FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
                   WHERE v.record_id = f.record_id AND v.table_name = f.table_name AND v.column_name = f.column_name
                     AND i.in_force AND NOT v.is_undo AND v.value_write_id > l.value_write_id) AS newest
FROM first f
JOIN last l USING (record_id, table_name, column_name)
LEFT JOIN payloads p ON p.run_id = f.run_id AND p.payload_id = f.before_payload_id
ORDER BY f.table_name, f.column_name, f.record_id
