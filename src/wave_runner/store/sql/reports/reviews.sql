-- The tasks that people have decided in the newest runs, the newest first: what was shown, what was agreed on, and what the events of
-- the last round say that each of them chose. OFFSET 0: run by run, by the key of the tasks.
WITH newest AS MATERIALIZED (
    SELECT r.run_id, w.name AS workflow
    FROM workflow_runs r JOIN workflows w USING (workflow_id)
    WHERE r.kind = 'run' AND (%(workflow)s::text IS NULL OR w.name = %(workflow)s)
    ORDER BY r.run_id DESC
    LIMIT %(runs)s
), decided AS MATERIALIZED (
    SELECT n.workflow, t.*
    FROM newest n
    CROSS JOIN LATERAL (
        SELECT run_id, interaction_id, queue, needs, blind, round, decided_at FROM tasks
        WHERE run_id = n.run_id AND decided_at IS NOT NULL AND NOT withdrawn
        ORDER BY interaction_id DESC
        LIMIT %(limit)s
        OFFSET 0
    ) AS t
    ORDER BY t.run_id DESC, t.interaction_id DESC
    LIMIT %(limit)s
)
SELECT d.run_id, d.interaction_id, d.workflow, s.name AS step, d.queue, d.needs, d.blind, i.input, i.output, said.said,
       d.decided_at > clock_timestamp() - make_interval(secs => %(lately_s)s) AS lately
FROM decided d
JOIN interactions i ON i.run_id = d.run_id AND i.interaction_id = d.interaction_id
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(e.data ORDER BY e.event_id), '{}') AS said FROM interaction_events e
    WHERE e.run_id = d.run_id AND e.interaction_id = d.interaction_id AND e.type = 'task_decided'
      AND (e.data::jsonb ->> 'round')::int = d.round
) AS said
ORDER BY d.run_id DESC, d.interaction_id DESC
