-- Before and after: what each target table holds, and for how many records this run wrote it. All that it wrote is read once: for the
-- table as a whole (column '*') it counts a record of which it wrote any column.
WITH pairs AS MATERIALIZED (
    SELECT DISTINCT table_name, column_name, record_id FROM saved_values WHERE run_id = %(run_id)s
), written AS (
    SELECT table_name, column_name, count(*) AS n FROM pairs WHERE column_name <> '*' GROUP BY table_name, column_name
    UNION ALL
    SELECT table_name, '*', count(*) FROM (SELECT DISTINCT table_name, record_id FROM pairs) AS any_column GROUP BY table_name
)
SELECT c.table_name, c.column_name, c.at_start, c.at_end, r.ended_at IS NOT NULL AS ended, coalesce(w.n, 0) AS written
FROM run_counts c
JOIN workflow_runs r USING (run_id)
LEFT JOIN written w USING (table_name, column_name)
WHERE c.run_id = %(run_id)s
ORDER BY c.table_name, c.column_name <> '*', c.column_name
