-- Every write of a value, the newest first, with who wrote it and what stood there before. A list is written as a whole:
-- as the value `*` of its table. That a row was taken out with its batch, and put in again, is no write of a value.
SELECT v.run_id, v.value_write_id, v.interaction_id, v.column_name, v.before_sha256, v.after_sha256, v.written_at,
       v.before_payload_id, p.content AS before, p.payload_id IS NOT NULL AND p.content IS NULL AS before_erased,
       coalesce(i.in_force AND i.state = 'completed', false) AS in_force,
       i.state = 'invalidated' AS invalidated, s.name AS step, a.name AS actor
FROM value_writes v
LEFT JOIN payloads p ON p.run_id = v.run_id AND p.payload_id = v.before_payload_id
LEFT JOIN interactions i ON i.run_id = v.run_id AND i.interaction_id = v.interaction_id
LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
LEFT JOIN steps s ON s.step_id = rs.step_id
LEFT JOIN actors a ON a.actor_id = rs.actor_id
WHERE v.record_id = %(record_id)s AND v.table_name = %(table)s AND v.column_name IN (%(column)s, '*')
  AND NOT (v.is_intake AND v.column_name = '*')
ORDER BY v.value_write_id DESC
