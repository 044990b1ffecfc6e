-- A query over a whole wave: its text, which reads `wave_items`, is put into the join. Each item comes back with the
-- number of its rows and one of them, however many there are; rows for no item are counted under NULL. The newlines
-- keep a comment at the query's end from swallowing what follows it; no column of a user's has the name of the row.
WITH wave_items (interaction_id, record_id, key, input) AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(record_ids)s::bigint[], %(keys)s::text[], %(inputs)s::jsonb[])
)
SELECT w.interaction_id, count("wave:row") AS rows, min(to_json("wave:row")::text) AS row
FROM wave_items w
FULL JOIN (
{query}
) AS "wave:row" ON "wave:row".interaction_id = w.interaction_id
GROUP BY w.interaction_id
