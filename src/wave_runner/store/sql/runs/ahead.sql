-- At which steps the records of each running run are, as far as it has steps for a server: by name, and with the work keys
-- of these steps. Records that wait for people are left out: nobody knows when they go on. So are runs that are held.
-- What a fan-out has not created yet stands where it will be. An experiment has one step of its workflow only: it is like no other run.
WITH going AS (
    SELECT r.run_id, CASE WHEN r.kind = 'run' THEN r.definition_id ELSE -r.run_id END AS definition_id FROM workflow_runs r
    WHERE r.state = 'running' AND NOT EXISTS (SELECT FROM held_runs h WHERE h.run_id = r.run_id)
), live AS (
    SELECT both_parts.run_step_id FROM (
        SELECT c.run_step_id, c.n FROM going JOIN counts c USING (run_id) WHERE c.state IN ('blocked', 'pending', 'running')
        UNION ALL
        SELECT d.run_step_id, d.delta FROM going JOIN count_deltas d USING (run_id) WHERE d.state IN ('blocked', 'pending', 'running')
    ) AS both_parts
    GROUP BY both_parts.run_step_id
    HAVING sum(both_parts.n) > 0
    UNION
    SELECT f.run_step_id FROM going JOIN fan_outs f USING (run_id) WHERE f.closed_at IS NULL
)
SELECT going.definition_id, min(rs.run_step_id) AS run_step_id,
       array_agg(s.name) FILTER (WHERE rs.run_step_id IN (SELECT run_step_id FROM live)) AS live,
       array_agg(s.name ORDER BY rs.position) FILTER (WHERE q.lane = %(server)s) AS steps,
       array_agg(q.work_key ORDER BY rs.position) FILTER (WHERE q.lane = %(server)s) AS work_keys
FROM going
JOIN run_steps rs USING (run_id)
JOIN steps s USING (step_id)
JOIN queues q USING (queue_id)
GROUP BY going.definition_id, rs.run_id, rs.generation
HAVING bool_or(q.lane = %(server)s) AND bool_or(rs.run_step_id IN (SELECT run_step_id FROM live))
