-- Every column that a step has ever written.
SELECT DISTINCT table_name, column_name FROM value_writes ORDER BY table_name, column_name
