-- Bytes by their hash. Two names may share them; any one will do.
SELECT body FROM definitions WHERE kind = %(kind)s AND sha256 = %(sha256)s LIMIT 1
