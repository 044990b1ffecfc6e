-- A run whose workflow selects its records begins with them, and not with an interaction.
INSERT INTO fan_outs (run_id, run_step_id) VALUES (%(run_id)s, %(run_step_id)s)
