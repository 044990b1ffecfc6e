SELECT definition_id, sha256, body FROM definitions WHERE definition_id = ANY (%(ids)s::bigint[])
