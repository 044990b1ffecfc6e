-- Which columns interactions have written.
SELECT DISTINCT table_name, column_name FROM value_writes
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(ids)s::bigint[])
ORDER BY table_name, column_name
