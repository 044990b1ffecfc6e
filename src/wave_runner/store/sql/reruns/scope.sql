-- The steps of a rerun, in all its runs.
SELECT run_id, run_step_id FROM run_steps WHERE generation = %(generation)s
