-- Events that the target snapshot sees and the last one did not, in the order in which their numbers were drawn: whoever saw an
-- event committed has drawn a larger one. In two halves, so that each goes by the index: what began after the last snapshot,
-- and what ran at its moment. An upper bound leaves out rows that another cluster has numbered.
SELECT e.event_id, e.run_id, e.form, e.type::text, e.interaction_id, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id,
       e.correlation_id::text, e.runner_id::text, e.step, e.actor, encode(e.definition, 'hex'), e.data,
       ('x' || encode(timestamptz_send(e.recorded_at), 'hex'))::bit(64)::bigint + 946684800000000, e.db_user
FROM (
    SELECT * FROM interaction_events
    WHERE xid >= pg_snapshot_xmax(%(last)s::pg_snapshot) AND xid < pg_snapshot_xmax(%(target)s::pg_snapshot)
    UNION ALL
    SELECT * FROM interaction_events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(last)s::pg_snapshot)))
) AS e
WHERE e.event_id > %(after)s AND pg_visible_in_snapshot(e.xid, %(target)s::pg_snapshot)
ORDER BY e.event_id
LIMIT %(most)s
