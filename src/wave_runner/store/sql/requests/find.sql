SELECT sha256, answer FROM http_requests WHERE person = %(person)s AND key = %(key)s
