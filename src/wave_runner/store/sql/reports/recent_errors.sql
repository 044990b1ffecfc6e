-- Failures, the newest first, each with what its last attempt left as evidence of it: the traceback of what a script raised.
SELECT i.interaction_id, i.finished_at, i.state::text AS state, r.key, s.name AS step, a.name AS actor, i.attempt,
       i.error_class, i.rule, i.error, evidence.content AS evidence
FROM unnest(%(ids)s::bigint[]) AS newest (interaction_id)
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = newest.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
LEFT JOIN LATERAL (SELECT key FROM records WHERE record_id = i.record_id LIMIT 1) AS r ON true
LEFT JOIN LATERAL (
    SELECT p.content
    FROM payloads p
    WHERE p.run_id = i.run_id AND p.interaction_id = i.interaction_id AND p.attempt = i.attempt AND p.role = 'error'
    ORDER BY p.payload_id DESC
    LIMIT 1
) AS evidence ON true
WHERE i.state IN ('failed', 'quarantined')
ORDER BY i.finished_at DESC, i.interaction_id DESC
