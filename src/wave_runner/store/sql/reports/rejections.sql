-- Why staged rows were rejected. A row that broke two rules stands under both. A rule may say something else of each
-- row; one of its messages stands for them all.
SELECT coalesce(found ->> 'rule', 'unknown') AS rule, coalesce(found ->> 'field', '') AS field,
       count(DISTINCT staged_id) AS staged_rows, min(found ->> 'message') AS message
FROM staged_records
CROSS JOIN LATERAL jsonb_array_elements(errors) AS found
WHERE run_id = %(run_id)s AND state = 'rejected'
GROUP BY 1, 2
ORDER BY staged_rows DESC, rule, field
