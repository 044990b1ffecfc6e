-- The record's own events, and those that led to it: of each interaction it descends from, up to the event that
-- created what came next. `newest` is the number that the interaction says its last event here has.
WITH RECURSIVE line AS (
    SELECT run_id, interaction_id, parent_id, parent_seq, seq AS newest, true AS own
    FROM interactions
    WHERE run_id = %(run_id)s AND record_id = %(record_id)s
    UNION
    SELECT p.run_id, p.interaction_id, p.parent_id, p.parent_seq, child.parent_seq, false
    FROM line child
    JOIN interactions p ON p.run_id = child.run_id AND p.interaction_id = child.parent_id
    WHERE p.record_id IS DISTINCT FROM %(record_id)s
)
SELECT line.interaction_id, line.newest, line.own, line.parent_id, line.parent_seq,
       e.event_id, e.type::text AS type, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id, e.runner_id, e.step,
       e.actor, e.definition, e.data, e.sha256, e.recorded_at
FROM line
LEFT JOIN interaction_events e
    ON e.run_id = line.run_id AND e.interaction_id = line.interaction_id AND (line.own OR e.seq <= line.newest)
ORDER BY e.event_id
