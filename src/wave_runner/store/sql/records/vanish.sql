UPDATE records SET vanished_in = %(run_id)s, vanished_at = clock_timestamp()
WHERE record_id = ANY (%(record_ids)s::bigint[]) AND vanished_in IS NULL
