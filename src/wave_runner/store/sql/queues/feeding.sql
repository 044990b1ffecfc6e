-- To which of these models is anything on its way, at whichever of their steps? Live scripts and queries before them in the
-- same run that somebody may do, work of their own that only waits for its time, or records that a fan-out has not created
-- yet. While it is, switching the model away could cost a load.
SELECT k.work_key
FROM unnest(%(work_keys)s::text[]) AS k (work_key)
WHERE EXISTS (
    SELECT FROM run_steps mine
    JOIN run_steps before ON before.run_id = mine.run_id AND before.generation = mine.generation
        AND before.position < mine.position
    JOIN queues q ON q.queue_id = before.queue_id AND q.lane IN ('scripts', 'sql', 'routes')
    JOIN actors a ON a.actor_id = q.actor_id AND NOT a.stopped AND a.paused_at IS NULL
    JOIN workflow_runs r ON r.run_id = mine.run_id AND r.state = 'running'
    JOIN LATERAL (
        SELECT sum(n) AS live FROM (
            SELECT n FROM counts c
            WHERE c.run_id = before.run_id AND c.run_step_id = before.run_step_id AND c.state IN ('pending', 'running')
            UNION ALL
            SELECT delta FROM count_deltas d
            WHERE d.run_id = before.run_id AND d.run_step_id = before.run_step_id AND d.state IN ('pending', 'running')
        ) AS both_parts
    ) AS l ON l.live > 0
    WHERE mine.queue_id IN (SELECT queue_id FROM queues WHERE work_key = k.work_key)
) OR EXISTS (
    SELECT FROM interactions i
    WHERE i.queue_id IN (SELECT queue_id FROM queues WHERE work_key = k.work_key) AND i.state = 'pending'
      AND i.ready_at < clock_timestamp() + make_interval(secs => %(linger_s)s)
) OR EXISTS (
    SELECT FROM fan_outs f JOIN run_steps rs ON rs.run_step_id = f.run_step_id
    JOIN queues q USING (queue_id)
    WHERE f.closed_at IS NULL AND q.work_key = k.work_key
)
