-- The cause of every event is there, and is older.
SELECT e.run_id, e.interaction_id,
       'event ' || e.seq || ' names event ' || e.cause_seq || ' of interaction ' || e.cause_interaction_id
       || CASE WHEN c.event_id IS NULL THEN ', which is not there' ELSE ', which is younger' END AS says
FROM interaction_events e
LEFT JOIN interaction_events c
    ON c.run_id = e.run_id AND c.interaction_id = e.cause_interaction_id AND c.seq = e.cause_seq
WHERE e.cause_interaction_id IS NOT NULL AND (c.event_id IS NULL OR c.event_id >= e.event_id)
