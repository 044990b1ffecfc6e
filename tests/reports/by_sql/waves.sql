SELECT jsonb_build_object('run_id', %(run_id)s,
    'lanes', jsonb_build_array(jsonb_build_object('load_us', (SELECT load_us FROM visits ORDER BY visit_id DESC LIMIT 1))),
    'rows', jsonb_agg(jsonb_build_object('wave_id', wave_id, 'size', size, 'visit_id', visit_id, 'load_us', load_us, 'done', (
        SELECT (data::jsonb ->> 'done')::bigint FROM interaction_events e WHERE e.wave_id = w.wave_id AND e.type = 'wave_closed')
    ) ORDER BY wave_id DESC))
FROM waves w LEFT JOIN visits USING (visit_id)
