-- Runs whose first records are through while the others wait: all that were begun have their verdict. With each a step of it: any of
-- them says what the gates are.
SELECT f.run_id, (SELECT min(rs.run_step_id) FROM run_steps rs WHERE rs.run_id = f.run_id AND rs.generation = 0) AS run_step_id
FROM fan_outs f JOIN workflow_runs r USING (run_id)
WHERE f.closed_at IS NULL AND f.begun >= f.room AND r.canary_verdict IS NULL AND r.cancelled_at IS NULL
  AND NOT EXISTS (SELECT FROM run_records rr WHERE rr.run_id = f.run_id AND rr.state IN ('live', 'ended'))
ORDER BY f.run_id
