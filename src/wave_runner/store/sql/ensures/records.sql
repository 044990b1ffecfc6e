-- Which of the records whose flow has ended a query names: its text, which reads `ended_records`, is put into the join.
-- Of each it names, one row. The newlines keep a comment at the query's end from swallowing what follows it.
WITH ended_records (record_id, key) AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(keys)s::text[])
)
SELECT e.record_id, min(to_json("wave:row")::text) AS row
FROM ended_records e
JOIN (
{query}
) AS "wave:row" ON "wave:row".record_id = e.record_id
GROUP BY e.record_id
