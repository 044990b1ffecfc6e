-- The results of a step that are told in a stretch of the log, in its order, of those that count and whose input is recorded.
-- One that was given before, and has ended once more or is in force again since, is not among them. OFFSET 0 as in stretch.sql.
SELECT i.interaction_id, i.record_id, c.key
FROM (
    SELECT e.interaction_id, min(l.log_index) AS log_index
    FROM event_log l
    CROSS JOIN LATERAL (
        SELECT interaction_id, step, type FROM interaction_events WHERE run_id = %(source_run_id)s AND event_id = l.event_id OFFSET 0
    ) AS e
    WHERE l.log_index >= %(looked_to)s AND l.log_index < %(following)s AND l.run_id = %(source_run_id)s
      AND e.step = %(step)s AND e.type IN ('interaction_completed', 'interaction_failed', 'interaction_quarantined', 'interaction_restored')
    GROUP BY e.interaction_id
) AS told
JOIN interactions i ON i.run_id = %(source_run_id)s AND i.interaction_id = told.interaction_id
JOIN records c ON c.record_id = i.record_id
WHERE i.in_force AND i.input IS NOT NULL AND i.state IN ('completed', 'failed', 'quarantined')
  AND NOT EXISTS (SELECT FROM interactions mine JOIN counterparts k USING (run_id, interaction_id)
                  WHERE mine.record_id = i.record_id AND mine.run_step_id = %(run_step_id)s AND mine.run_id = %(run_id)s
                    AND k.source_run_id = %(source_run_id)s AND k.source_id = i.interaction_id)
ORDER BY told.log_index
