UPDATE run_sums SET sums = %(sums)s
WHERE run_id = %(run_id)s AND newest_event_id = %(newest_event_id)s
