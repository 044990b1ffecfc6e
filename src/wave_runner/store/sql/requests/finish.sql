UPDATE http_requests SET answer = %(answer)s WHERE person = %(person)s AND key = %(key)s
