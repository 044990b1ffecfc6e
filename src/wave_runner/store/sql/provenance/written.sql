-- Which values of a record steps have ever written.
SELECT DISTINCT table_name, column_name FROM value_writes WHERE record_id = %(record_id)s ORDER BY 1, 2
