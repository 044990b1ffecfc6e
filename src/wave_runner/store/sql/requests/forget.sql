-- It was refused, and has changed nothing: the key may be used again.
DELETE FROM requests WHERE person = %(person)s AND key = %(key)s AND answer IS NULL
