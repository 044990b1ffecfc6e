-- A page of a run's interactions, the newest first. Those of a record, and those in trouble, have an index: all of them are looked
-- at. Of all others no more than the newest `look`, however rare what is asked for. The values are known when this is planned,
-- so that of the three ways only one is gone. OFFSET 0: by its index, and not by the order of the page.
WITH looked AS (
    (SELECT interaction_id, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'place' AND run_id = %(run_id)s AND interaction_id < %(before)s
     ORDER BY interaction_id DESC
     LIMIT %(look)s)
    UNION ALL
    (SELECT interaction_id, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'record' AND run_id = %(run_id)s AND record_id = %(record_id)s
     OFFSET 0)
    UNION ALL
    (SELECT interaction_id, run_step_id, state, error_class, rule FROM interactions
     WHERE %(by)s::text = 'trouble' AND run_id = %(run_id)s AND (error IS NOT NULL OR rule IS NOT NULL)
     OFFSET 0)
), page AS MATERIALIZED (
    SELECT interaction_id FROM looked
    WHERE interaction_id < %(before)s
      AND (%(step)s::text IS NULL OR run_step_id = ANY (ARRAY(
          SELECT rs.run_step_id FROM run_steps rs JOIN steps s USING (step_id) WHERE rs.run_id = %(run_id)s AND s.name = %(step)s)))
      AND (%(state)s::text IS NULL OR state::text = %(state)s)
      AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
      AND (%(rule)s::text IS NULL OR rule = %(rule)s)
    ORDER BY interaction_id DESC
    LIMIT %(limit)s
)
SELECT i.interaction_id, r.key, s.name AS step, a.name AS actor, a.kind, i.item, i.iteration, i.state::text AS state, i.in_force,
       i.attempt, i.created_at, i.started_at, i.finished_at, i.service_us, i.tokens_in, i.tokens_out, i.error_class, i.rule, i.error
FROM page
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = page.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
-- One look by key for each line, however many records there are.
LEFT JOIN LATERAL (SELECT key FROM records WHERE record_id = i.record_id LIMIT 1) AS r ON true
ORDER BY i.interaction_id DESC
