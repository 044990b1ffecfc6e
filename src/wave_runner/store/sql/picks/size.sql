SELECT count(*) AS n FROM picked WHERE pick_id = %(pick_id)s
