-- Interactions and everything that they descend from, each once: by their parents, and by whose outputs were read (`sources`).
-- With each comes what it did its work with: the pinned step, and the weights of the visit that its wave belonged to.
WITH RECURSIVE line AS (
    SELECT i.run_id, i.interaction_id, i.parent_id
    FROM interactions i
    WHERE i.run_id = %(run_id)s AND i.interaction_id = ANY (%(ids)s::bigint[])
    UNION
    SELECT p.run_id, p.interaction_id, p.parent_id
    FROM line
    CROSS JOIN LATERAL (
        SELECT line.parent_id AS interaction_id
        UNION
        SELECT source_id FROM interaction_inputs x WHERE x.run_id = line.run_id AND x.interaction_id = line.interaction_id
    ) AS source
    JOIN interactions p ON p.run_id = line.run_id AND p.interaction_id = source.interaction_id
)
SELECT i.run_id, i.interaction_id, i.record_id, i.item, i.iteration, i.state::text AS state, i.attempt, i.input, i.input_nonce,
       i.output, i.output_nonce, i.erased, i.started_at, i.finished_at, i.service_us, i.tokens_in, i.tokens_out, s.name AS step,
       a.name AS actor, a.kind, d.sha256 AS definition, d.body AS pinned, pins.pinned_at, h.source_run_id, h.source_id, v.digest,
       ARRAY(SELECT line.parent_id WHERE line.parent_id IS NOT NULL
             UNION
             SELECT source_id FROM interaction_inputs x
             WHERE x.run_id = line.run_id AND x.interaction_id = line.interaction_id) AS sources
FROM line
JOIN interactions i ON i.run_id = line.run_id AND i.interaction_id = line.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN reruns pins ON pins.run_id = rs.run_id AND pins.generation = rs.generation
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
JOIN definitions d ON d.definition_id = rs.definition_id
LEFT JOIN hits h ON h.run_id = i.run_id AND h.interaction_id = i.interaction_id
LEFT JOIN waves w ON w.wave_id = i.wave_id
LEFT JOIN visits v ON v.visit_id = w.visit_id
