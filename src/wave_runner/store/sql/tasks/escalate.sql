-- Tasks that are overdue move to the queue that their step names for that, once. Whoever has claimed one keeps it, and
-- nothing is decided by the clock. A task that somebody is working on at this moment waits for the next pass.
WITH due AS MATERIALIZED (
    SELECT run_id, interaction_id, queue FROM tasks
    WHERE decided_at IS NULL AND escalate IS NOT NULL AND escalated_at IS NULL AND due_at < clock_timestamp()
    ORDER BY due_at
    LIMIT 100
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE tasks t SET queue = t.escalate, escalated_at = clock_timestamp()
    FROM due d
    WHERE t.run_id = d.run_id AND t.interaction_id = d.interaction_id
    RETURNING t.run_id, t.interaction_id, d.queue AS was, t.queue
), noted AS (
    UPDATE interactions i SET seq = i.seq + 1
    FROM moved m
    WHERE i.run_id = m.run_id AND i.interaction_id = m.interaction_id
    RETURNING i.run_id, i.interaction_id, i.seq, i.correlation_id, i.run_step_id, m.was, m.queue
)
INSERT INTO interaction_events
    (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, runner_id,
     step, actor, definition, data, sha256)
SELECT n.run_id, 1, 'task_escalated', n.interaction_id, n.seq, n.interaction_id, n.seq - 1, n.correlation_id,
       %(runner_id)s, s.name, a.name, d.sha256, said.data, sha256(convert_to(said.data, 'UTF8'))
FROM noted n
JOIN run_steps rs ON rs.run_step_id = n.run_step_id
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
JOIN definitions d ON d.definition_id = rs.definition_id
-- Both are names of lower-case letters, digits and _: nothing in them has to be escaped.
CROSS JOIN LATERAL (SELECT format('{"from":"%%s","to":"%%s"}', n.was, n.queue) AS data) AS said
RETURNING run_id, interaction_id
