-- The flow of what is done once for a run, when that has ended.
SELECT NULL::bigint AS record_id, r.correlation_id AS flow, w.name AS workflow, r.state,
       (extract(epoch FROM r.started_at) * 1000000000)::bigint AS began_ns,
       (extract(epoch FROM r.ended_at) * 1000000000)::bigint AS ended_ns
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.run_id = %(run_id)s AND r.ended_at IS NOT NULL
