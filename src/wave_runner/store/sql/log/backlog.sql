-- Of the events that the target snapshot sees and the last one did not those with the next numbers: in each run by its key, so that
-- a window costs the same however many come after it.
SELECT e.event_id, e.run_id, e.form, e.type::text, e.interaction_id, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id,
       e.correlation_id::text, e.runner_id::text, e.step, e.actor, encode(e.definition, 'hex'), e.data,
       ('x' || encode(timestamptz_send(e.recorded_at), 'hex'))::bit(64)::bigint + 946684800000000, e.db_user
FROM (SELECT 0 AS run_id UNION ALL SELECT run_id FROM workflow_runs) AS r
CROSS JOIN LATERAL (
    SELECT * FROM interaction_events
    WHERE run_id = r.run_id AND event_id > %(after)s::bigint AND event_id <= %(until)s::bigint
) AS e
WHERE (e.xid >= pg_snapshot_xmax(%(last)s::pg_snapshot) OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(last)s::pg_snapshot))))
  AND pg_visible_in_snapshot(e.xid, %(target)s::pg_snapshot)
ORDER BY e.event_id
