-- The copy that is read and the one beside it, for as long as they are compared. Readers are kept from neither.
SELECT projection_id, state, version, code_sha256, position
FROM projections
WHERE name = %(name)s AND state IN ('live', 'building')
ORDER BY projection_id
FOR UPDATE SKIP LOCKED
