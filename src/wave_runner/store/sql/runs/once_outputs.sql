-- What the steps that run once per run gave.
SELECT s.name AS step, i.output
FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.run_id = %(run_id)s AND i.record_id IS NULL AND i.in_force AND i.state = 'completed'
