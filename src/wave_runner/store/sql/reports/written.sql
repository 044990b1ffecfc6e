-- For how many records a run wrote each column of its target tables. All that it wrote is read once: for the table as a whole (column '*')
-- it counts a record of which it wrote any column.
WITH pairs AS MATERIALIZED (
    SELECT DISTINCT table_name, column_name, record_id FROM saved_values WHERE run_id = %(run_id)s
)
SELECT table_name, column_name, count(*) AS n FROM pairs WHERE column_name <> '*' GROUP BY table_name, column_name
UNION ALL
SELECT table_name, '*', count(*) FROM (SELECT DISTINCT table_name, record_id FROM pairs) AS any_column GROUP BY table_name
