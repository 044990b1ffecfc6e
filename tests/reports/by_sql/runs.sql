SELECT jsonb_build_object('rows', jsonb_agg(jsonb_build_object(
    'run_id', run_id, 'seconds', extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at)) ORDER BY run_id DESC))
FROM workflow_runs
