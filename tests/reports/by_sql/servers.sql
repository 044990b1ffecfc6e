-- Nothing waits for the model, whose server has not failed: the last call has ended, and whatever its account allows is free.
SELECT jsonb_build_object(
    'models', '[]'::jsonb, 'queues', '[]'::jsonb,
    'servers', jsonb_build_array(jsonb_build_object(
        'failures', 0, 'trips', 0, 'queues', 0, 'waiting', waiting, 'running', running,
        'runners', (SELECT count(*) FROM runners WHERE ended_at IS NULL AND 'stub' = ANY (servers)))),
    'accounts', jsonb_build_array(jsonb_build_object(
        'under_way', running, 'concurrency', 1, 'next_request_s', 0, 'next_token_s', 0, 'queues', 0, 'waiting', waiting)))
FROM (SELECT count(*) FILTER (WHERE i.state = 'pending') AS waiting, count(*) FILTER (WHERE i.state = 'running') AS running
      FROM interactions i JOIN run_steps USING (run_id, run_step_id) JOIN actors a USING (actor_id) WHERE a.kind = 'ai_model') AS calls
