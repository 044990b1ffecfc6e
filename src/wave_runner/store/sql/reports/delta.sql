-- Before and after: what each target table holds, and for how many records this run wrote it.
SELECT c.table_name, c.column_name, c.at_start, c.at_end, r.ended_at IS NOT NULL AS ended,
       (SELECT count(DISTINCT record_id) FROM saved_values v
        WHERE v.run_id = c.run_id AND v.table_name = c.table_name AND (c.column_name = '*' OR v.column_name = c.column_name)) AS written
FROM run_counts c JOIN workflow_runs r USING (run_id)
WHERE c.run_id = %(run_id)s
ORDER BY c.table_name, c.column_name <> '*', c.column_name
