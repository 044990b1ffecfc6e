SELECT run_step_id FROM run_steps WHERE run_id = %(run_id)s ORDER BY generation DESC, position LIMIT 1
