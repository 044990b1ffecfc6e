UPDATE run_counts c SET at_end = g.number
FROM unnest(%(tables)s::text[], %(columns)s::text[], %(numbers)s::bigint[]) AS g (table_name, column_name, number)
WHERE c.run_id = %(run_id)s AND c.table_name = g.table_name AND c.column_name = g.column_name
