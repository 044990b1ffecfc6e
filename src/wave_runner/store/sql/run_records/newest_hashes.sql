-- What the newest flow of each record in a run's workflow has read of its row, of those that still stand: a batch that was rolled
-- back has taken its flows with it. A record without a flow has no row here.
SELECT DISTINCT ON (x.record_id) x.record_id, x.read_hash
FROM run_records x JOIN workflow_runs r USING (workflow_id)
WHERE r.run_id = %(run_id)s AND x.record_id = ANY (%(record_ids)s::bigint[])
  AND NOT EXISTS (SELECT FROM staged_records b WHERE b.record_id = x.record_id AND b.run_id = x.run_id AND (b.state = 'rolled_back' OR (b.state = 'revalidated' AND b.errors = '[]')))
ORDER BY x.record_id, x.run_id DESC
