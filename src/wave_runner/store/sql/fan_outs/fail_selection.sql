UPDATE fan_outs SET error = %(error)s, closed_at = clock_timestamp()
WHERE run_id = %(run_id)s AND interaction_id IS NULL AND closed_at IS NULL
RETURNING run_id
