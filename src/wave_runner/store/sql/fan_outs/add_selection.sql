-- A run whose workflow selects its records begins with them, and not with an interaction.
INSERT INTO fan_outs (run_id, run_step_id, room)
SELECT run_id, %(run_step_id)s, canary FROM workflow_runs WHERE run_id = %(run_id)s
