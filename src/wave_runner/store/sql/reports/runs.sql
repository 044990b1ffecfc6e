-- Runs without experiments, the newest first, one page of them: those before a run, of a workflow, in a state, where any of this is asked for.
SELECT r.run_id, w.name AS workflow, run_state(r) AS state, r.reason, r.started_by, r.started_at, r.ended_at,
       extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.started_at)::float8 AS seconds
FROM workflow_runs r
JOIN workflows w USING (workflow_id)
WHERE r.kind = 'run'
  AND (%(before)s::bigint IS NULL OR r.run_id < %(before)s)
  AND (%(workflow)s::text IS NULL OR w.name = %(workflow)s)
  AND (%(state)s::text IS NULL OR run_state(r)::text = %(state)s)
ORDER BY r.run_id DESC
LIMIT %(limit)s
