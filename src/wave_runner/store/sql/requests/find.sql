SELECT sha256, answer FROM requests WHERE person = %(person)s AND key = %(key)s
