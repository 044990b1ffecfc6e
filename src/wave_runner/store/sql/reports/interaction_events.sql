-- The events of one interaction in their order, with why the wave of each was opened.
SELECT e.interaction_id, true AS own, e.event_id, e.type::text AS type, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id, e.runner_id,
       e.step, e.actor, e.definition, e.data, e.sha256, e.recorded_at, opened.data AS wave_data
FROM interaction_events e
LEFT JOIN LATERAL (
    SELECT o.data FROM interaction_events o
    WHERE o.run_id = 0 AND o.wave_id = e.wave_id AND o.interaction_id IS NULL AND o.type = 'wave_opened'
    LIMIT 1
) AS opened ON e.type = 'interaction_started'
WHERE e.run_id = %(run_id)s AND e.interaction_id = %(interaction_id)s
ORDER BY e.seq
