-- The eval of the same step by the same gold set that came last before one, and has ended.
SELECT max(e.run_id) AS run_id
FROM experiments e
JOIN workflow_runs r USING (run_id)
JOIN experiments mine ON mine.run_id = %(run_id)s
JOIN workflow_runs m ON m.run_id = mine.run_id
WHERE r.kind = 'eval' AND r.state = 'completed' AND r.workflow_id = m.workflow_id AND e.step = mine.step AND e.gold = mine.gold
  AND e.run_id < mine.run_id
