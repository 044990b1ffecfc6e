-- The runs in which values were changed.
SELECT DISTINCT run_id FROM value_writes ORDER BY run_id
