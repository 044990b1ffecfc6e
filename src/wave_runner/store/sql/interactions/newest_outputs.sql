-- What each step of a record has given in a run, and each step that ran once, the newest first.
SELECT s.name AS step, i.interaction_id, i.item, i.output
FROM interactions i
JOIN run_steps rs USING (run_step_id)
JOIN steps s USING (step_id)
WHERE i.run_id = %(run_id)s AND (i.record_id = %(record_id)s OR i.record_id IS NULL)
  AND i.in_force AND i.output IS NOT NULL
ORDER BY i.interaction_id DESC
