-- In the second run nothing has begun, so that it has no record.
SELECT jsonb_build_object(
    'position', (SELECT count(*) FROM event_log), 'behind', 0, 'dropped', '[]'::jsonb,
    'workflows', jsonb_build_object('work', (SELECT jsonb_object_agg(state, n) FROM (
        SELECT CASE state WHEN 'ended' THEN 'live' ELSE state END AS state, count(*) AS n FROM run_records GROUP BY 1) AS s)))
