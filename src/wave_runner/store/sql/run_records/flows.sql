-- The flows of records that have their verdict, and how long each has taken: from its first interaction on.
SELECT rr.record_id, rr.correlation_id AS flow, w.name AS workflow, rr.state,
       (extract(epoch FROM coalesce(f.began_at, rr.settled_at)) * 1000000000)::bigint AS began_ns,
       (extract(epoch FROM rr.settled_at) * 1000000000)::bigint AS ended_ns
FROM run_records rr
JOIN workflow_runs r USING (run_id)
JOIN workflows w ON w.workflow_id = r.workflow_id
CROSS JOIN LATERAL (
    SELECT min(i.created_at) AS began_at FROM interactions i WHERE i.run_id = rr.run_id AND i.record_id = rr.record_id
) AS f
WHERE rr.run_id = %(run_id)s AND rr.record_id = ANY (%(record_ids)s::bigint[]) AND rr.settled_at IS NOT NULL
ORDER BY rr.record_id
