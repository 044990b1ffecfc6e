-- Which of these waves hold work that has been cancelled: their runner stops it, and gives the rest back. What was cancelled
-- before it was begun has no wave of its own yet.
SELECT DISTINCT c.wave_id
FROM claimed c JOIN interactions i USING (run_id, interaction_id)
WHERE c.wave_id = ANY (%(wave_ids)s::bigint[]) AND i.state = 'cancelled' AND coalesce(i.wave_id, c.wave_id) = c.wave_id
