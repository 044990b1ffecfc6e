-- What a runner must know of the steps of a wave, in their order: everything else is in the pinned definition.
SELECT rs.run_step_id, rs.run_id, rs.generation, rs.queue_id, rs.position, s.name AS step, a.name AS actor,
       d.body AS definition, d.sha256, r.params, r.record_limit, r.asks_anew OR rs.generation > 0 AS asks_anew, g.leads_on, r.kind
FROM run_steps rs
JOIN steps s USING (step_id)
JOIN actors a ON a.actor_id = rs.actor_id
JOIN definitions d ON d.definition_id = rs.definition_id
JOIN workflow_runs r ON r.run_id = rs.run_id
JOIN reruns g ON g.run_id = rs.run_id AND g.generation = rs.generation
WHERE rs.run_id = ANY (ARRAY(SELECT run_id FROM run_steps WHERE run_step_id = ANY (%(run_step_ids)s::bigint[])))
ORDER BY rs.run_id, rs.generation, rs.position
