-- Which of these waves hold work that has been cancelled: their runner stops it, and gives the rest back. What was cancelled
-- before it was begun has no wave of its own yet. OFFSET 0: one look by key for each, whatever the statistics say.
SELECT DISTINCT c.wave_id
FROM claimed c
CROSS JOIN LATERAL (
    SELECT i.state, i.wave_id FROM interactions i
    WHERE i.run_id = c.run_id AND i.interaction_id = c.interaction_id
    OFFSET 0
) i
WHERE c.wave_id = ANY (%(wave_ids)s::bigint[]) AND i.state = 'cancelled' AND coalesce(i.wave_id, c.wave_id) = c.wave_id
