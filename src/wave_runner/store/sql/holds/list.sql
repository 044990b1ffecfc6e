SELECT r.collection, r.key, h.reason, h.placed_by, h.placed_at
FROM legal_holds h JOIN records r USING (record_id)
ORDER BY h.placed_at, r.record_id
