-- Before and after: what each target table of a run holds.
SELECT table_name, column_name, at_start, at_end
FROM run_counts
WHERE run_id = %(run_id)s
ORDER BY table_name, column_name <> '*', column_name
