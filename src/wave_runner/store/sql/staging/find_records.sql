-- A statement of its own behind add_records: only a new snapshot shows what another run has added meanwhile.
SELECT record_id, key FROM records
WHERE collection = %(collection)s AND key = ANY (%(keys)s::text[])
