-- A statement of its own behind records/add: only a new snapshot shows what another run has added meanwhile.
-- Locked, sorted: whoever promotes the same keys waits, and then sees what was promoted, whether or not the project's
-- table says that its keys are unique.
SELECT record_id, key FROM records
WHERE collection = %(collection)s AND key = ANY (%(keys)s::text[])
ORDER BY record_id
FOR NO KEY UPDATE
