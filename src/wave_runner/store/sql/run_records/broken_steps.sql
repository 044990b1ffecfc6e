-- What keeps a record from being done, whatever stands in the tables: steps that broke, and answers that are doubted.
SELECT i.record_id, s.name AS step, CASE WHEN i.state = 'completed' THEN 'doubted' ELSE i.state::text END AS state, coalesce(i.rule, i.error_class, i.error, 'unknown') AS reason
FROM interactions i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
WHERE i.run_id = %(run_id)s AND i.record_id = ANY (%(record_ids)s::bigint[]) AND i.in_force AND (i.error IS NOT NULL OR i.rule IS NOT NULL)
  AND ((i.state IN ('failed', 'quarantined', 'cancelled', 'invalidated') AND NOT i.handled) OR (i.state = 'completed' AND i.rule IS NOT NULL))
ORDER BY i.record_id, i.interaction_id
