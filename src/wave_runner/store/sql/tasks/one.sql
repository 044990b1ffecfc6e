-- A task with the interaction it is for: what is shown is exactly what stands as that interaction's input.
SELECT t.*, i.run_step_id, i.record_id, r.key, i.correlation_id, i.parent_id, i.item, i.iteration, i.generation,
       i.attempt, i.errors, extract(epoch FROM clock_timestamp() - i.created_at)::float8 AS age_s, i.wave_id, i.input, i.input_nonce, s.name AS step, w.name AS workflow,
       t.claim_expires_at <= clock_timestamp() AS expired, t.due_at < clock_timestamp() AS overdue,
       extract(epoch FROM clock_timestamp() - t.claimed_at)::float8 AS seconds
FROM tasks t
JOIN interactions i USING (run_id, interaction_id)
JOIN run_steps rs USING (run_step_id)
JOIN steps s USING (step_id)
JOIN workflows w USING (workflow_id)
LEFT JOIN records r USING (record_id)
WHERE t.interaction_id = %(task)s
