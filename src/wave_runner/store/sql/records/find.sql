-- A statement of its own behind records/add: only a new snapshot shows what another run has added meanwhile.
SELECT record_id, key FROM records
WHERE collection = %(collection)s AND key = ANY (%(keys)s::text[])
