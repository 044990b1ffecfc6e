-- Of the events with the next numbers those that are not in the log, whatever their transactions are: the first time, and after a
-- restore into another cluster.
SELECT e.event_id, e.run_id, e.form, e.type::text, e.interaction_id, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id,
       e.correlation_id::text, e.runner_id::text, e.step, e.actor, encode(e.definition, 'hex'), e.data,
       ('x' || encode(timestamptz_send(e.recorded_at), 'hex'))::bit(64)::bigint + 946684800000000, e.db_user
FROM (SELECT 0 AS run_id UNION ALL SELECT run_id FROM workflow_runs) AS r
CROSS JOIN LATERAL (
    SELECT * FROM interaction_events
    WHERE run_id = r.run_id AND event_id > %(after)s::bigint AND event_id <= %(until)s::bigint
) AS e
WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.event_id)
ORDER BY e.event_id
