-- Whoever erases one of these waits until the COMMIT, and whoever has begun to is waited for. Sorted; who only refers to one need not
-- wait.
SELECT record_id FROM records
WHERE record_id = ANY (%(record_ids)s::bigint[])
ORDER BY record_id
FOR NO KEY UPDATE
