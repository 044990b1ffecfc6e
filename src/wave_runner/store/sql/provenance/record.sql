-- A record by its key. Of several collections that share a table and have it, the first.
SELECT r.record_id, r.collection, r.key
FROM records r
WHERE r.collection = ANY (%(collections)s::text[]) AND r.key = %(key)s
ORDER BY r.record_id
LIMIT 1
