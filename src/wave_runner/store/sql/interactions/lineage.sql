-- The outputs a wave may read: each interaction's own ancestors, the newest of each step first, and nothing of any
-- other record. An ancestor that was made later is a nearer one: it descends from the earlier ones of its step. What
-- led to a join stands in interaction_inputs. What a rerun has taken out of force led to what it redoes, and is read no more: where
-- only that one step was redone, what stood behind it still descends from the old result, and reads the new one instead.
WITH RECURSIVE ancestor AS (
    SELECT i.interaction_id AS reader, i.run_id, i.interaction_id, i.parent_id, i.record_id, i.superseded_by
    FROM interactions i
    WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
    UNION
    SELECT a.reader, p.run_id, p.interaction_id, p.parent_id, p.record_id, p.superseded_by
    FROM ancestor a
    CROSS JOIN LATERAL (
        SELECT a.parent_id AS interaction_id
        UNION
        SELECT source_id FROM interaction_inputs x WHERE x.run_id = a.run_id AND x.interaction_id = a.interaction_id
        UNION
        SELECT n.interaction_id FROM interactions n
        WHERE a.superseded_by IS NOT NULL AND n.record_id = a.record_id AND n.run_id = a.run_id AND n.generation = a.superseded_by AND n.parent_id = a.interaction_id
    ) AS source
    JOIN interactions p ON p.run_id = a.run_id AND p.interaction_id = source.interaction_id
)
SELECT a.reader, a.interaction_id, s.name AS step, i.item, i.output
FROM ancestor a
JOIN interactions i ON i.run_id = a.run_id AND i.interaction_id = a.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
WHERE a.interaction_id <> a.reader AND s.name = ANY (%(steps)s::text[]) AND i.in_force AND i.state = 'completed'
ORDER BY a.reader, a.interaction_id DESC
