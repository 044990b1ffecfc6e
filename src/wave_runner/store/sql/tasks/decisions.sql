-- What people have said to a task, each with the event that says so: what they saw and what they said are committed to in it.
SELECT d.round, d.person, d.answer, d.comment, d.seconds, d.decided_at, e.event_id, e.saw, e.said, e.pick
FROM decisions d
LEFT JOIN (
    SELECT o.run_id, o.interaction_id, o.event_id, o.data::jsonb ->> 'person' AS person,
           (o.data::jsonb ->> 'round')::int AS round, (o.data::jsonb ->> 'pick')::bigint AS pick,
           (SELECT p ->> 'c' FROM jsonb_array_elements(o.data::jsonb -> 'payloads') p WHERE p ->> 'role' = 'request') AS saw,
           (SELECT p ->> 'c' FROM jsonb_array_elements(o.data::jsonb -> 'payloads') p WHERE p ->> 'role' = 'answer') AS said
    FROM interaction_events o
    WHERE o.run_id = %(run_id)s AND o.interaction_id = %(interaction_id)s AND o.type IN ('task_decided', 'task_sent_back')
) e ON e.person = d.person AND e.round = d.round
WHERE d.run_id = %(run_id)s AND d.interaction_id = %(interaction_id)s
ORDER BY d.decided_at
