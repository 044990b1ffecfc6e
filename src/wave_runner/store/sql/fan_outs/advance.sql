UPDATE fan_outs SET after_staged = %(after_staged)s, begun = begun + %(created)s, closed_at = CASE WHEN %(closed)s THEN clock_timestamp() END
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s
