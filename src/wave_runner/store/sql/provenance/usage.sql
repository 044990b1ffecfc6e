-- The results in force that an actor has given: by run, step and weights. What was answered by a recorded answer has the
-- weights of the call that gave it.
SELECT rs.run_step_id, rs.run_id, w.name AS workflow, s.name AS step, d.sha256 AS definition, d.body AS pinned, pins.pinned_at,
       coalesce(v.digest, asked.digest) AS digest, count(*) AS results, count(DISTINCT i.record_id) AS records,
       count(h.source_id) AS from_cache, min(i.finished_at) AS first_at, max(i.finished_at) AS last_at
FROM actors a
JOIN run_steps rs USING (actor_id)
JOIN reruns pins ON pins.run_id = rs.run_id AND pins.generation = rs.generation
JOIN steps s ON s.step_id = rs.step_id
JOIN workflows w USING (workflow_id)
JOIN definitions d ON d.definition_id = rs.definition_id
JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id AND i.state = 'completed' AND i.in_force
LEFT JOIN hits h ON h.run_id = i.run_id AND h.interaction_id = i.interaction_id
LEFT JOIN waves ON waves.wave_id = i.wave_id AND h.source_id IS NULL
LEFT JOIN visits v ON v.visit_id = waves.visit_id
LEFT JOIN interactions source ON source.run_id = h.source_run_id AND source.interaction_id = h.source_id
LEFT JOIN waves source_wave ON source_wave.wave_id = source.wave_id
LEFT JOIN visits asked ON asked.visit_id = source_wave.visit_id
WHERE a.name = %(actor)s AND (%(run_id)s::bigint IS NULL OR rs.run_id = %(run_id)s)
GROUP BY rs.run_step_id, rs.run_id, rs.position, w.name, s.name, d.sha256, d.body, pins.pinned_at, coalesce(v.digest, asked.digest)
ORDER BY rs.run_id DESC, rs.position, digest
