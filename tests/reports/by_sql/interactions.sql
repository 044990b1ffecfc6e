SELECT jsonb_build_object('run_id', %(run_id)s, 'rows', jsonb_agg(jsonb_build_object(
    'interaction_id', interaction_id, 'item', item, 'iteration', iteration, 'service_us', service_us, 'tokens_in', tokens_in,
    'tokens_out', tokens_out, 'attempt', (
        SELECT count(*) FROM interaction_events e WHERE e.run_id = i.run_id AND e.interaction_id = i.interaction_id
        AND e.type = 'interaction_started')) ORDER BY interaction_id DESC))
FROM interactions i WHERE run_id = %(run_id)s
