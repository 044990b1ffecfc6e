SELECT state, known, vanished FROM batches WHERE run_id = %(run_id)s FOR UPDATE
