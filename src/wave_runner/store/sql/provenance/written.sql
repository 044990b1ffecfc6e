-- Which values of a record steps have written, as far as that is in force.
SELECT DISTINCT v.table_name, v.column_name
FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
WHERE v.record_id = %(record_id)s AND i.in_force
ORDER BY 1, 2
