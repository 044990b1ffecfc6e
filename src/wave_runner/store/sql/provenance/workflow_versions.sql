-- The versions of a workflow, the newest first: what its runs have pinned, all steps together. What a rerun pinned later
-- is no part of it, nor is what was tried beside.
WITH pinned AS (
    SELECT r.run_id, r.started_at, sha256(convert_to(string_agg(encode(d.sha256, 'hex'), ' ' ORDER BY s.name), 'UTF8')) AS version
    FROM workflow_runs r
    JOIN workflows w USING (workflow_id)
    JOIN run_steps rs ON rs.run_id = r.run_id AND rs.generation = 0
    JOIN steps s USING (step_id)
    JOIN definitions d ON d.definition_id = rs.definition_id
    WHERE w.name = %(workflow)s AND r.kind = 'run'
    GROUP BY r.run_id, r.started_at
)
SELECT encode(version, 'hex') AS version, count(*) AS runs, min(run_id) AS first_run_id, max(run_id) AS last_run_id,
       min(started_at) AS first_at, max(started_at) AS last_at
FROM pinned
GROUP BY version
ORDER BY max(run_id) DESC
