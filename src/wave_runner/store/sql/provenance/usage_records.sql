-- Whose results these are: of steps of a run, and where weights are named, of a model with these.
SELECT i.run_id, i.interaction_id, s.name AS step, r.key, coalesce(v.digest, asked.digest) AS digest, i.finished_at,
       count(*) OVER () AS total
FROM run_steps rs
JOIN steps s ON s.step_id = rs.step_id
JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id AND i.state = 'completed' AND i.in_force
LEFT JOIN records r USING (record_id)
LEFT JOIN hits h ON h.run_id = i.run_id AND h.interaction_id = i.interaction_id
LEFT JOIN waves ON waves.wave_id = i.wave_id AND h.source_id IS NULL
LEFT JOIN visits v ON v.visit_id = waves.visit_id
LEFT JOIN interactions source ON source.run_id = h.source_run_id AND source.interaction_id = h.source_id
LEFT JOIN waves source_wave ON source_wave.wave_id = source.wave_id
LEFT JOIN visits asked ON asked.visit_id = source_wave.visit_id
JOIN unnest(%(run_step_ids)s::bigint[], %(digests)s::text[]) AS wanted (run_step_id, digest)
    ON wanted.run_step_id = rs.run_step_id AND wanted.digest IS NOT DISTINCT FROM coalesce(v.digest, asked.digest)
ORDER BY i.run_id DESC, i.interaction_id
LIMIT %(limit)s
