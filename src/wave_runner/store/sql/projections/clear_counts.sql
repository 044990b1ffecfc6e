DELETE FROM record_counts c USING projections p WHERE p.projection_id = c.projection_id AND p.state = 'retired'
