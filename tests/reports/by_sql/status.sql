SELECT jsonb_build_object(
    'run', jsonb_build_object(
        'run_id', %(run_id)s, 'broken', '[]'::jsonb, 'params', '{}'::jsonb,
        'seconds', (SELECT extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at) FROM workflow_runs WHERE run_id = %(run_id)s)),
    'records', (
        SELECT jsonb_object_agg(part, (SELECT count(*) FROM run_records r WHERE r.run_id = %(run_id)s AND part IN (r.state, 'total')))
        FROM unnest('{total,live,ended,completed,incomplete}'::text[]) AS part),
    'staging', (
        SELECT jsonb_object_agg(part, (SELECT count(*) FROM staged_records r WHERE r.run_id = %(run_id)s AND part IN (r.state, 'total')))
        FROM unnest('{total,waiting,promoted,updated,unchanged,rejected,revalidated,rolled_back}'::text[]) AS part),
    'interactions', jsonb_build_object(
        'total', (SELECT count(*) FROM interactions WHERE run_id = %(run_id)s AND in_force),
        'by_state', (SELECT jsonb_object_agg(state, n) FROM (
            SELECT state, count(*) AS n FROM interactions WHERE run_id = %(run_id)s AND in_force GROUP BY state) AS s)),
    'model_loads', (SELECT count(*) FROM visits WHERE loaded),
    'model_load_us', (SELECT coalesce(sum(load_us), 0) FROM visits WHERE loaded),
    'model_calls', (SELECT count(*) FROM ledger WHERE run_id = %(run_id)s),
    'from_cache', jsonb_build_object('answers', 0, 'tokens', 0, 'service_us', 0),
    'incomplete', (
        SELECT jsonb_build_object('total', count(*), 'reasons', jsonb_agg(jsonb_build_object('records', n) ORDER BY n DESC, reason))
        FROM (SELECT reason, count(*) AS n FROM run_records r, jsonb_array_elements_text(r.broken::jsonb) AS reason
              WHERE r.run_id = %(run_id)s AND r.state = 'incomplete' GROUP BY reason) AS why),
    'rejections', (
        SELECT jsonb_agg(jsonb_build_object('staged_rows', n))
        FROM (SELECT count(*) AS n FROM staged_records WHERE run_id = %(run_id)s AND errors -> 0 ->> 'rule' = 'missing') AS missing),
    'people', (
        SELECT jsonb_agg(jsonb_build_object('tasks', n, 'claimed', 0, 'overdue', 0))
        FROM (SELECT count(*) AS n FROM interactions WHERE run_id = %(run_id)s AND state = 'waiting' HAVING count(*) > 0) AS waiting),
    'alerts', '[]'::jsonb,
    'limits', '[]'::jsonb)
