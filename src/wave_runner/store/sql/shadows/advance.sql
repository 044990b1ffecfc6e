UPDATE experiments
SET looked_to = %(looked_to)s, fed = fed + %(fed)s, closed_at = CASE WHEN %(closes)s THEN clock_timestamp() END
WHERE run_id = %(run_id)s
