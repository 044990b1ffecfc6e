-- The tasks that are picked and open, and have not changed since.
SELECT t.interaction_id
FROM picked p
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = p.interaction_id AND i.seq = p.seq
JOIN tasks t ON t.run_id = %(run_id)s AND t.interaction_id = p.interaction_id
WHERE p.pick_id = %(pick_id)s AND t.bulk AND t.round = 1 AND t.decided_at IS NULL
  AND (t.claimed_by = %(person)s OR t.claim_expires_at <= clock_timestamp() OR t.claimed_by IS NULL)
ORDER BY t.interaction_id
