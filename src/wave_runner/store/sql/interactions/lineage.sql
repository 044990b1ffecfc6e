-- The outputs a wave may read: each interaction's own ancestors, nearest first, and nothing of any other record.
WITH RECURSIVE ancestor AS (
    SELECT i.interaction_id AS reader, p.run_id, p.interaction_id, p.parent_id, p.run_step_id, p.output, 1 AS distance
    FROM interactions i
    JOIN interactions p ON p.run_id = i.run_id AND p.interaction_id = i.parent_id
    WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
    UNION ALL
    SELECT a.reader, p.run_id, p.interaction_id, p.parent_id, p.run_step_id, p.output, a.distance + 1
    FROM ancestor a
    JOIN interactions p ON p.run_id = a.run_id AND p.interaction_id = a.parent_id
    WHERE a.distance < %(depth)s
)
SELECT a.reader, a.interaction_id, s.name AS step, a.output, a.distance
FROM ancestor a
JOIN run_steps rs ON rs.run_step_id = a.run_step_id
JOIN steps s ON s.step_id = rs.step_id
WHERE s.name = ANY (%(steps)s::text[]) AND a.output IS NOT NULL
ORDER BY a.reader, a.distance
