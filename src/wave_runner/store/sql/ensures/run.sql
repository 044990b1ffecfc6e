-- The rows that a query finds wrong in a run, the first of them, and how many there are.
WITH this_run (run_id) AS (SELECT %(run_id)s::bigint)
SELECT count(*) OVER () AS total, to_json("wave:row")::text AS row
FROM (
{query}
) AS "wave:row"
LIMIT %(limit)s
