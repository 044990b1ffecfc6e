-- Nobody has decided anything yet.
SELECT jsonb_build_object(
    'of_runs', 20,
    'tasks', (SELECT count(*) FROM interactions WHERE state = 'completed' AND run_step_id IN (
        SELECT run_step_id FROM run_steps JOIN actors USING (actor_id) WHERE kind = 'human')),
    'queues', (SELECT jsonb_agg(jsonb_build_object('tasks', n, 'claimed', 0, 'overdue', 0, 'lately', 0)) FROM (
        SELECT a.name, count(*) AS n FROM interactions i JOIN run_steps USING (run_id, run_step_id) JOIN actors a USING (actor_id)
        WHERE i.state = 'waiting' GROUP BY a.name) AS q),
    'steps', '[]'::jsonb, 'agreement', '[]'::jsonb, 'actors', '[]'::jsonb, 'fields', '[]'::jsonb)
