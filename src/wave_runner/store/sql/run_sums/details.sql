-- What is kept of the calls of some runs, of what they wrote and of what failed in them, where it still holds.
SELECT run_id, details, NULL::timestamptz AS counted_at FROM kept_sums WHERE run_id = ANY (%(run_ids)s)
