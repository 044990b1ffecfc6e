-- All that records have been through in their runs, whether it is in force or not: a result may have been led to by one that is not.
SELECT i.run_id, i.interaction_id, i.record_id, i.parent_id, i.run_step_id, s.name AS step, a.kind, i.item, i.iteration,
       i.state::text AS state, i.in_force, g.leads_on, i.correlation_id, i.rank, i.seq, coalesce(i.tokens_in + i.tokens_out, 0) AS tokens,
       coalesce(i.service_us, 0) AS service_us
FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[]) AS asked (run_id, record_id)
JOIN interactions i ON i.record_id = asked.record_id AND i.run_id = asked.run_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN reruns g ON g.run_id = rs.run_id AND g.generation = rs.generation
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
ORDER BY i.interaction_id
