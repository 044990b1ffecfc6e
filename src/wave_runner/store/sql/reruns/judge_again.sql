-- Records whose results have changed are judged once more.
UPDATE run_records SET state = 'ended', broken = NULL, settled_at = NULL
WHERE run_id = %(run_id)s AND record_id = ANY (%(record_ids)s::bigint[]) AND state <> 'live'
