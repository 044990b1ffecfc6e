-- Read behind the lock, in a new snapshot: the chunk before may have moved `seq`, which is the cause of this one.
SELECT f.run_id, f.interaction_id, f.run_step_id, f.after_staged, f.room - f.begun AS left, rs.queue_id, rs.generation, run_rank(r) AS rank, r.workflow_id,
       i.iteration, i.seq
FROM fan_outs f
JOIN run_steps rs ON rs.run_step_id = f.run_step_id
JOIN workflow_runs r ON r.run_id = f.run_id
JOIN interactions i ON i.run_id = f.run_id AND i.interaction_id = f.interaction_id
WHERE f.run_id = %(run_id)s AND f.interaction_id = %(interaction_id)s
