-- The newest results of a step, of each record: what is in force, of the newest run that has been there. `under_way`: the record is at
-- work in this workflow, in whatever run; one that is not has a result.
WITH mine AS MATERIALIZED (
    SELECT rs.run_id, rs.run_step_id, rs.definition_id, w.workflow_id
    FROM run_steps rs
    JOIN steps s USING (step_id)
    JOIN workflows w ON w.workflow_id = s.workflow_id
    JOIN workflow_runs r ON r.run_id = rs.run_id
    WHERE w.name = %(workflow)s AND s.name = %(step)s AND r.cancelled_at IS NULL AND rs.run_id = coalesce(%(run_id)s, rs.run_id)
), found AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.record_id, i.generation, i.state, i.error_class, i.rule, i.attempt, i.wave_id, i.output,
           mine.definition_id, mine.workflow_id, max(i.run_id) OVER (PARTITION BY i.record_id) AS newest
    FROM mine JOIN interactions i USING (run_id, run_step_id)
    WHERE i.in_force AND i.record_id IS NOT NULL AND NOT i.erased
      AND (%(ids)s::bigint[] IS NULL OR i.interaction_id = ANY (%(ids)s::bigint[]))
)
SELECT f.run_id, f.interaction_id, f.record_id, c.key, f.state::text AS state, f.error_class, f.rule, f.attempt, v.model,
       v.digest AS model_digest, f.definition_id, f.generation, CASE WHEN %(with_output)s THEN f.output END AS output,
       EXISTS (SELECT FROM run_records o
               WHERE o.record_id = f.record_id AND o.workflow_id = f.workflow_id AND o.state = 'live') AS under_way
FROM found f
JOIN records c ON c.record_id = f.record_id
LEFT JOIN waves w ON w.wave_id = f.wave_id
LEFT JOIN visits v ON v.visit_id = w.visit_id
WHERE f.run_id = f.newest AND f.state <> 'skipped'
  AND (%(keys)s::text[] IS NULL OR c.key = ANY (%(keys)s::text[]))
ORDER BY f.run_id, f.interaction_id
