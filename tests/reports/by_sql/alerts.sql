SELECT jsonb_build_object('rows', jsonb_agg('{}'::jsonb)) FROM workflow_runs WHERE ended_at IS NULL
