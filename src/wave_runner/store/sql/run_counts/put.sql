INSERT INTO run_counts (run_id, table_name, column_name, at_start)
SELECT %(run_id)s, * FROM unnest(%(tables)s::text[], %(columns)s::text[], %(numbers)s::bigint[])
