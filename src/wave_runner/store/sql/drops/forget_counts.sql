DELETE FROM record_counts WHERE run_id >= %(first_run)s AND run_id < %(following)s
