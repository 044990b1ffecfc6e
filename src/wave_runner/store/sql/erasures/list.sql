-- Every request to erase a record, the newest first. The key of one that was erased is no longer its own.
SELECT e.erasure_id, r.collection, r.key, e.basis, e.requested_by, e.requested_at, e.withdrawn_at, e.approved_by, e.erased_at
FROM erasures e JOIN records r USING (record_id)
ORDER BY e.requested_at DESC, e.erasure_id
