-- How long the chain of causes of each interaction is, itself included.
WITH RECURSIVE chain AS (
    SELECT i.interaction_id AS reader, i.run_id, i.parent_id, 1 AS depth
    FROM interactions i
    WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
    UNION ALL
    SELECT c.reader, p.run_id, p.parent_id, c.depth + 1
    FROM chain c JOIN interactions p ON p.run_id = c.run_id AND p.interaction_id = c.parent_id
)
SELECT reader, max(depth) AS depth FROM chain GROUP BY reader
