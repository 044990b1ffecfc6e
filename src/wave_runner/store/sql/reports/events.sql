-- A page of a run's events, the newest first, with the record that each is about.
SELECT e.event_id, e.recorded_at, e.type::text AS type, e.interaction_id, e.seq, e.cause_interaction_id, e.cause_seq, r.key, e.step, e.actor,
       e.wave_id, e.runner_id, e.data, e.sha256
FROM (
    SELECT * FROM interaction_events
    WHERE run_id = %(run_id)s AND event_id < %(before)s
    ORDER BY event_id DESC
    LIMIT %(limit)s
) AS e
LEFT JOIN interactions i ON i.run_id = e.run_id AND i.interaction_id = e.interaction_id
-- One look by key for each line, however many records there are.
LEFT JOIN LATERAL (SELECT key FROM records WHERE record_id = i.record_id LIMIT 1) AS r ON true
ORDER BY e.event_id DESC
