SELECT jsonb_build_object('rows', jsonb_agg(jsonb_build_object(
    'pid', pid, 'labels', '[]'::jsonb, 'servers', '[]'::jsonb, 'script_slots', 0,
    'waves', (SELECT count(*) FROM waves w WHERE w.runner_id = n.runner_id AND closed_at IS NULL),
    'interactions', (SELECT count(*) FROM interactions WHERE state = 'running'))))
FROM runners n WHERE ended_at IS NULL
