-- Retired copies of which nothing is left.
DELETE FROM projections p
WHERE p.state = 'retired' AND NOT EXISTS (SELECT FROM record_states s WHERE s.projection_id = p.projection_id)
  AND NOT EXISTS (SELECT FROM record_counts c WHERE c.projection_id = p.projection_id)
RETURNING projection_id
