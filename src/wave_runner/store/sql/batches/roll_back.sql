UPDATE batches SET state = 'rolled_back' WHERE run_id = %(run_id)s
