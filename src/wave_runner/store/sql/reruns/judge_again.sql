-- Records whose results have changed are judged once more; not one that was erased: nobody can say any more what it was.
UPDATE run_records SET state = 'ended', broken = NULL, settled_at = NULL
WHERE run_id = %(run_id)s AND record_id = ANY (%(record_ids)s::bigint[]) AND state <> 'live'
  AND NOT EXISTS (SELECT FROM erasures e WHERE e.record_id = run_records.record_id AND e.erased_at IS NOT NULL)
