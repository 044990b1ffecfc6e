UPDATE workflows SET policy = %(policy)s WHERE name = %(name)s
