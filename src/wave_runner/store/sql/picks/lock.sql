-- A statement of its own: what is asked next sees what the order before has left of it.
SELECT FROM picks WHERE pick_id = %(pick_id)s AND person = %(person)s FOR UPDATE
