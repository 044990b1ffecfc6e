-- What the interactions of a run add up to, where that is kept and still holds.
SELECT sums FROM kept_sums WHERE run_id = %(run_id)s
