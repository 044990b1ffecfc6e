-- The results in force of a workflow's records, each record's of its newest run: a page of records, by id. Of a model's results
-- with the newest weights that its server has had under that name. What its source has no more is not looked at.
WITH page AS MATERIALIZED (
    SELECT record_id, max(run_id) AS run_id
    FROM run_records rr JOIN workflows w USING (workflow_id) JOIN workflow_runs r USING (run_id)
    WHERE w.name = %(workflow)s AND r.cancelled_at IS NULL AND rr.record_id > %(after)s AND r.run_id = coalesce(%(run_id)s, r.run_id)
    GROUP BY record_id
    ORDER BY record_id
    LIMIT %(size)s
)
SELECT i.run_id, i.interaction_id, i.run_step_id, i.record_id, c.key, i.correlation_id, i.parent_id, i.item, i.iteration, i.generation,
       s.name AS step, i.input, v.digest, newest.digest AS newest_digest, rr.state = 'live' AS under_way
FROM page p
JOIN run_records rr ON rr.run_id = p.run_id AND rr.record_id = p.record_id
JOIN interactions i ON i.record_id = p.record_id AND i.run_id = p.run_id
JOIN records c ON c.record_id = i.record_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
LEFT JOIN waves wv ON wv.wave_id = i.wave_id
LEFT JOIN visits v ON v.visit_id = wv.visit_id
LEFT JOIN LATERAL (
    SELECT n.digest FROM visits n WHERE n.server = v.server AND n.model = v.model ORDER BY n.visit_id DESC LIMIT 1
) AS newest ON true
WHERE i.in_force AND i.state = 'completed' AND NOT i.erased AND c.vanished_in IS NULL
ORDER BY i.record_id, i.interaction_id
