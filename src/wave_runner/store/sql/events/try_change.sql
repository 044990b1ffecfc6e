UPDATE interaction_events SET data = '{}' WHERE run_id = %(run_id)s
