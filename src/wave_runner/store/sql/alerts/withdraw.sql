DELETE FROM alerts WHERE run_id = %(run_id)s AND kind = %(kind)s
