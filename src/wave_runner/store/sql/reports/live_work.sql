-- Interactions of the runs that have not ended, by workflow and state: the live counts, exact at this moment.
SELECT w.name AS workflow, c.state::text AS state, sum(c.n)::bigint AS n
FROM workflow_runs r
JOIN workflows w USING (workflow_id)
CROSS JOIN LATERAL (
    SELECT state, n FROM counts WHERE run_id = r.run_id
    UNION ALL
    SELECT state, delta FROM count_deltas WHERE run_id = r.run_id
) AS c
WHERE r.state = 'running' AND r.kind = 'run'
GROUP BY w.name, c.state
HAVING sum(c.n) <> 0
ORDER BY w.name, c.state
