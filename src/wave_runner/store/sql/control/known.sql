-- The names that a subject can have, for whoever has mistyped one; runs that have ended are not among them.
SELECT run_id::text AS name FROM workflow_runs WHERE %(subject)s = 'run' AND state = 'running'
UNION ALL
SELECT name FROM workflows WHERE %(subject)s = 'workflow'
UNION ALL
SELECT name FROM actors WHERE %(subject)s = 'actor'
UNION ALL
SELECT runner_id::text FROM runners WHERE %(subject)s = 'runner' AND ended_at IS NULL
