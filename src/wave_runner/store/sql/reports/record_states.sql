-- Records of each workflow by their verdict, as far as the projection has come; experiments leave none. Of a workflow without records there is no row.
SELECT w.name AS workflow, c.state, sum(c.n)::bigint AS n
FROM projections p
JOIN record_counts c USING (projection_id)
JOIN workflow_runs r USING (run_id)
JOIN workflows w USING (workflow_id)
WHERE p.name = 'record_states' AND p.state = 'live' AND c.n > 0 AND r.kind = 'run'
GROUP BY w.name, c.state
ORDER BY w.name, c.state
