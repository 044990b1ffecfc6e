-- `waiting` is computed: all that is left waits for people.
SELECT r.run_id, w.name AS workflow,
       CASE WHEN r.state = 'running' AND run_waits(r.run_id) THEN 'waiting' ELSE r.state END AS state,
       r.params, r.record_limit, r.priority, r.correlation_id, r.started_by,
       r.started_at, r.ended_at, extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.started_at)::float8 AS seconds
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.run_id = %(run_id)s
