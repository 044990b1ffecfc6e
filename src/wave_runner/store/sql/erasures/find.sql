-- The records with this key: one, unless several collections have it. With each comes who wants it erased, and what forbids that.
SELECT r.record_id, r.collection, r.key, e.erasure_id, e.requested_by, e.requested_at, e.basis, h.placed_by AS held_by,
       h.placed_at AS held_at
FROM records r
LEFT JOIN erasures e ON e.record_id = r.record_id AND e.erased_at IS NULL AND e.withdrawn_at IS NULL
LEFT JOIN legal_holds h ON h.record_id = r.record_id
WHERE r.key = %(key)s AND r.collection = coalesce(%(collection)s, r.collection)
ORDER BY r.record_id
