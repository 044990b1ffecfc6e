-- It was refused, or the database has taken it back: whoever asks again under the key is answered anew.
DELETE FROM http_requests WHERE person = %(person)s AND key = %(key)s AND answer IS NULL
