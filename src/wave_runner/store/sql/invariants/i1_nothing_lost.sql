-- Every interaction is terminal, can be claimed, is held by an open wave, or waits for something that is there; and
-- what is still to be done for a record or a run lives somewhere.
SELECT i.run_id, i.interaction_id, i.state || ', and its wave ' || i.wave_id || ' is closed' AS says
FROM interactions i JOIN waves w USING (wave_id)
WHERE i.state = 'running' AND w.closed_at IS NOT NULL
UNION ALL
SELECT i.run_id, i.interaction_id, i.state || ', and no wave has it in hand'
FROM interactions i
WHERE i.state = 'running' AND NOT EXISTS (SELECT FROM claimed c WHERE c.wave_id = i.wave_id AND c.interaction_id = i.interaction_id)
UNION ALL
SELECT i.run_id, i.interaction_id, 'pending, and can be claimed by nobody'
FROM interactions i
WHERE i.state = 'pending' AND i.ready_at IS NULL
  AND NOT EXISTS (SELECT FROM claimable c WHERE c.queue_id = i.queue_id AND c.rank = i.rank AND c.interaction_id = i.interaction_id)
  AND NOT EXISTS (SELECT FROM claimed c WHERE c.run_id = i.run_id AND c.interaction_id = i.interaction_id)
UNION ALL
SELECT c.run_id, c.interaction_id, 'in hand of wave ' || c.wave_id || ', which is closed'
FROM claimed c JOIN waves w USING (wave_id)
WHERE w.closed_at IS NOT NULL
UNION ALL
SELECT i.run_id, i.interaction_id, 'parked, and its run is not held'
FROM interactions i
WHERE i.ready_at = 'infinity' AND NOT EXISTS (SELECT FROM held_runs h WHERE h.run_id = i.run_id)
UNION ALL
SELECT i.run_id, i.interaction_id, 'waiting, and people are not asked'
FROM interactions i
WHERE i.state = 'waiting'
  AND NOT EXISTS (SELECT FROM tasks t WHERE t.run_id = i.run_id AND t.interaction_id = i.interaction_id AND t.decided_at IS NULL)
UNION ALL
SELECT i.run_id, i.interaction_id, 'blocked, and no join of it waits'
FROM interactions i
WHERE i.state = 'blocked'
  AND NOT EXISTS (SELECT FROM joins j WHERE j.run_id = i.run_id AND j.interaction_id = i.interaction_id AND j.state = 'waiting')
UNION ALL
SELECT r.run_id, NULL, 'record ' || r.record_id || ' is live, and nothing of it is'
FROM run_records r
WHERE r.state = 'live'
  AND NOT EXISTS (SELECT FROM interactions i WHERE i.run_id = r.run_id AND i.record_id = r.record_id AND i.finished_at IS NULL)
UNION ALL
SELECT i.run_id, i.interaction_id, i.state || ', and its record has ended'
FROM interactions i JOIN run_records r USING (run_id, record_id)
WHERE i.finished_at IS NULL AND r.state <> 'live'
UNION ALL
SELECT i.run_id, i.interaction_id, i.state || ', and its run has ended'
FROM interactions i JOIN workflow_runs r USING (run_id)
WHERE i.finished_at IS NULL AND r.state <> 'running'
