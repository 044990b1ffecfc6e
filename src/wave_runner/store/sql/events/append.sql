-- An event that belongs to no interaction: of a run, a wave, a model, an actor.
INSERT INTO interaction_events
    (run_id, form, type, wave_id, correlation_id, runner_id, step, actor, definition, data, sha256)
SELECT %(run_id)s, 1, %(type)s::event_type, %(wave_id)s, %(correlation_id)s, %(runner_id)s, NULL, %(actor)s,
       %(definition)s, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
