-- The oldest selection that is not through, with what its records begin with.
SELECT f.run_id, f.run_step_id, f.after_key, f.begun, f.room, rs.queue_id, rs.generation, run_rank(r) AS rank, r.workflow_id,
       r.record_limit, r.selection, r.correlation_id
FROM fan_outs f
JOIN run_steps rs ON rs.run_step_id = f.run_step_id
JOIN workflow_runs r ON r.run_id = f.run_id
WHERE f.closed_at IS NULL AND f.interaction_id IS NULL AND f.begun IS DISTINCT FROM f.room
ORDER BY f.run_id
LIMIT 1
