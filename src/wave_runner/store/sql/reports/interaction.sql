-- One interaction as it stands, with what it came from and what has taken its place.
SELECT i.interaction_id, r.key, s.name AS step, a.name AS actor, a.kind, i.item, i.iteration, i.state::text AS state, i.in_force,
       i.attempt, i.created_at, i.started_at, i.finished_at, i.service_us, i.tokens_in, i.tokens_out, i.error_class, i.rule, i.error,
       i.seq, i.parent_id, ps.name AS parent_step, i.superseded_by AS superseded_by_id, i.ready_at, i.erased
FROM interactions i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
LEFT JOIN records r ON r.record_id = i.record_id
LEFT JOIN interactions p ON p.run_id = i.run_id AND p.interaction_id = i.parent_id
LEFT JOIN run_steps prs ON prs.run_step_id = p.run_step_id
LEFT JOIN steps ps ON ps.step_id = prs.step_id
WHERE i.run_id = %(run_id)s AND i.interaction_id = %(interaction_id)s
