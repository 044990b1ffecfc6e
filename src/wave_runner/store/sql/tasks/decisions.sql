SELECT round, person, answer, comment, seconds, decided_at FROM decisions
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s
ORDER BY decided_at
