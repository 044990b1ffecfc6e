-- What the steps that run once per run gave; a run that takes up staged rows of another has those of that one too.
WITH RECURSIVE runs AS (
    SELECT run_id, revalidates FROM workflow_runs WHERE run_id = %(run_id)s
    UNION ALL
    SELECT r.run_id, r.revalidates FROM runs JOIN workflow_runs r ON r.run_id = runs.revalidates
)
SELECT DISTINCT ON (s.name) s.name AS step, i.output
FROM runs JOIN interactions i USING (run_id) JOIN run_steps rs USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.record_id IS NULL AND i.in_force AND i.state = 'completed'
ORDER BY s.name, i.run_id DESC
