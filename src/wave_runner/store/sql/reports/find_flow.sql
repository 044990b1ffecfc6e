-- A record's flow through a run: the named run, or the newest one.
SELECT rr.run_id, r.record_id, r.collection, r.key, w.name AS workflow, rr.state, rr.broken, rr.correlation_id
FROM records r
JOIN run_records rr USING (record_id)
JOIN workflows w USING (workflow_id)
WHERE r.collection = ANY (%(collections)s::text[]) AND r.key = %(key)s
  AND (%(run_id)s::bigint IS NULL OR rr.run_id = %(run_id)s)
ORDER BY rr.run_id DESC
LIMIT 1
