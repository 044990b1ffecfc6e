-- Nothing begins before the event that created it, and that event is of an interaction that has ended, or that fans out.
-- What was skipped because of one that is tried again is set aside, and its parent goes on.
SELECT e.run_id, e.interaction_id, 'began before event ' || i.parent_seq || ' of interaction ' || i.parent_id AS says
FROM interaction_events e
JOIN interactions i USING (run_id, interaction_id)
JOIN interaction_events p ON p.run_id = i.run_id AND p.interaction_id = i.parent_id AND p.seq = i.parent_seq
WHERE e.type = 'interaction_started' AND e.event_id < p.event_id
UNION ALL
SELECT i.run_id, i.interaction_id, 'its parent ' || p.interaction_id || ' is ' || p.state
FROM interactions i
JOIN interactions p ON p.run_id = i.run_id AND p.interaction_id = i.parent_id
WHERE i.state <> 'blocked' AND p.finished_at IS NULL AND (i.in_force OR i.state <> 'skipped')
