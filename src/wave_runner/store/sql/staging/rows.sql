-- The rows of a batch, with what has become of each; what came only where it is asked for.
SELECT s.staged_id AS id, s.state, s.source, r.key, s.errors, s.position::text AS position, s.decided_by, s.again_in,
       CASE WHEN %(with_raw)s THEN s.raw::text END AS raw, s.raw IS NULL AS erased
FROM staged_records s LEFT JOIN records r USING (record_id)
WHERE s.run_id = %(run_id)s
ORDER BY s.staged_id
