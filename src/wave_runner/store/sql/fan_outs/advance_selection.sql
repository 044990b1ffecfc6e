UPDATE fan_outs
SET after_key = %(after_key)s, begun = begun + %(begun)s, again = again + %(again)s,
    unchanged = unchanged + %(unchanged)s, left_incomplete = left_incomplete + %(left_incomplete)s, vanished = vanished + %(vanished)s, under_way = under_way + %(under_way)s,
    erased = erased + %(erased)s, closed_at = CASE WHEN %(closed)s THEN clock_timestamp() END
WHERE run_id = %(run_id)s AND interaction_id IS NULL
