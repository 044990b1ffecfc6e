-- What the newest flow of each record in a run's workflow has read of its row; a record without a flow has no row here.
SELECT DISTINCT ON (x.record_id) x.record_id, x.read_hash
FROM run_records x JOIN workflow_runs r USING (workflow_id)
WHERE r.run_id = %(run_id)s AND x.record_id = ANY (%(record_ids)s::bigint[])
ORDER BY x.record_id, x.run_id DESC
