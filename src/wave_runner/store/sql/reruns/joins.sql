-- The joins of records in a run as they stand: of each the newest that is not of a rerun which was undone.
SELECT DISTINCT ON (j.record_id, s.step_id, j.iteration)
       j.record_id, s.name AS step, j.iteration, j.run_step_id, j.generation, j.state, j.interaction_id
FROM joins j
JOIN run_steps rs ON rs.run_step_id = j.run_step_id
JOIN steps s ON s.step_id = rs.step_id
WHERE j.run_id = %(run_id)s AND j.record_id = ANY (%(record_ids)s::bigint[])
  AND (j.generation = 0
       OR EXISTS (SELECT FROM interactions i
                  WHERE i.record_id = j.record_id AND i.run_id = j.run_id AND i.generation = j.generation AND i.in_force))
ORDER BY j.record_id, s.step_id, j.iteration, j.generation DESC
