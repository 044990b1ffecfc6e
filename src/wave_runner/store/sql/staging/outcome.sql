-- What has become of a batch's rows: their records, who has decided, and what newer thing stands on each record.
SELECT s.staged_id, s.state, s.record_id, c.key, coalesce(s.decider_id, s.interaction_id) AS decider_id, d.attempt,
       CASE WHEN later.run_id IS NOT NULL THEN 'in_later_batch'
            WHEN flow.run_id IS NOT NULL THEN 'worked_on_later'
            WHEN EXISTS (SELECT FROM legal_holds h WHERE h.record_id = s.record_id) THEN 'on_legal_hold'
            WHEN EXISTS (SELECT FROM erasures e WHERE e.record_id = s.record_id AND e.erased_at IS NOT NULL) THEN 'erased' END AS trouble
FROM staged_records s
JOIN records c USING (record_id)
JOIN interactions d ON d.run_id = s.run_id AND d.interaction_id = coalesce(s.decider_id, s.interaction_id)
LEFT JOIN LATERAL (
    SELECT l.run_id FROM staged_records l
    WHERE l.record_id = s.record_id AND l.run_id > s.run_id AND l.state IN ('promoted', 'updated', 'unchanged')
    LIMIT 1
) AS later ON true
LEFT JOIN LATERAL (
    SELECT x.run_id FROM run_records x
    WHERE x.record_id = s.record_id AND x.run_id > s.run_id
      AND NOT EXISTS (SELECT FROM staged_records b WHERE b.record_id = x.record_id AND b.run_id = x.run_id AND (b.state = 'rolled_back' OR (b.state = 'revalidated' AND b.errors = '[]')))
    LIMIT 1
) AS flow ON true
WHERE s.run_id = %(run_id)s AND s.state IN ('promoted', 'updated', 'unchanged')
ORDER BY s.staged_id
