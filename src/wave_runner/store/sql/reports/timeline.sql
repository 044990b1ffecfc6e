SELECT i.interaction_id, s.name AS step, a.name AS actor, i.state::text AS state, i.attempt, i.started_at,
       i.finished_at, i.service_us, i.tokens_in, i.tokens_out, i.error_class, i.rule, i.error
FROM interactions i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
WHERE i.run_id = %(run_id)s AND i.record_id = %(record_id)s
ORDER BY i.interaction_id
