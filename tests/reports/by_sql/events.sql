SELECT jsonb_build_object('run_id', %(run_id)s, 'rows', jsonb_agg(jsonb_build_object(
    'event_id', event_id, 'interaction_id', interaction_id, 'seq', seq, 'wave_id', wave_id, 'said', data::jsonb,
    'cause', cause_interaction_id || '.' || cause_seq) ORDER BY event_id DESC))
FROM interaction_events WHERE run_id = %(run_id)s
