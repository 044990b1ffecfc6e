-- The results in force of a run, of one step or of all; of an experiment all that it has, as none of them is in force.
SELECT i.run_id, i.interaction_id, c.key AS record, s.name AS step, i.item, i.iteration, i.state::text AS state, coalesce(i.rule, i.error_class) AS rule,
       i.error, i.output, i.tokens_in + i.tokens_out AS tokens, i.service_us AS us
FROM run_steps rs
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
JOIN workflow_runs r USING (run_id)
JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id
JOIN records c ON c.record_id = i.record_id
WHERE rs.run_id = %(run_id)s AND s.name = coalesce(%(step)s, s.name) AND a.kind <> 'route'
  AND (i.in_force OR r.kind <> 'run') AND i.finished_at IS NOT NULL AND i.state <> 'skipped' AND NOT i.erased
ORDER BY c.key, rs.position, i.item, i.iteration, i.interaction_id
