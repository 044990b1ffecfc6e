UPDATE picks SET done = done + %(n)s WHERE pick_id = %(pick_id)s RETURNING done
