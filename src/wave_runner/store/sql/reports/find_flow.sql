-- A record's flow through a run: the named run, or the newest one that is no experiment.
SELECT rr.run_id, r.record_id, r.collection, r.key, w.name AS workflow, rr.state, rr.broken, rr.correlation_id
FROM records r
JOIN run_records rr USING (record_id)
JOIN workflow_runs run ON run.run_id = rr.run_id
JOIN workflows w ON w.workflow_id = run.workflow_id
WHERE r.collection = ANY (%(collections)s::text[]) AND r.key = %(key)s
  AND CASE WHEN %(run_id)s::bigint IS NULL THEN run.kind = 'run' ELSE rr.run_id = %(run_id)s END
ORDER BY rr.run_id DESC
LIMIT 1
