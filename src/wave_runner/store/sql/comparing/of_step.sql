-- All results of a step in all real runs that were not cancelled, superseded ones too, the newest of each record and pinned step
-- last: whoever compares versions wants what an older one has made.
SELECT i.run_id, i.interaction_id, c.key AS record, s.name AS step, i.item, i.iteration, i.state::text AS state, coalesce(i.rule, i.error_class) AS rule,
       i.error, i.output, i.tokens_in + i.tokens_out AS tokens, i.service_us AS us, rs.definition_id
FROM run_steps rs
JOIN steps s USING (step_id)
JOIN workflows w USING (workflow_id)
JOIN workflow_runs r ON r.run_id = rs.run_id
JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id
JOIN records c ON c.record_id = i.record_id
WHERE w.name = %(workflow)s AND s.name = %(step)s AND r.kind = 'run' AND r.cancelled_at IS NULL
  AND i.finished_at IS NOT NULL AND i.state <> 'skipped' AND NOT i.erased
ORDER BY i.interaction_id
