-- A record's steps in a run, each with what its last attempt left as evidence of an error.
SELECT i.interaction_id, s.name AS step, a.name AS actor, i.state::text AS state, i.attempt, i.started_at,
       i.finished_at, i.service_us, i.tokens_in, i.tokens_out, i.error_class, i.rule, i.error,
       evidence.content AS evidence
FROM interactions i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
LEFT JOIN LATERAL (
    SELECT p.content
    FROM payloads p
    WHERE p.run_id = i.run_id AND p.interaction_id = i.interaction_id AND p.attempt = i.attempt AND p.role = 'error'
    ORDER BY p.payload_id DESC
    LIMIT 1
) AS evidence ON true
WHERE i.run_id = %(run_id)s AND i.record_id = %(record_id)s
ORDER BY i.interaction_id
