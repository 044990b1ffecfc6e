-- Which of these the wave has claimed and not begun. Its row is locked, so that no sweeper closes it meanwhile.
SELECT c.interaction_id
FROM waves w JOIN claimed c USING (wave_id)
WHERE w.wave_id = %(wave_id)s AND w.closed_at IS NULL AND c.interaction_id = ANY (%(ids)s::bigint[])
FOR KEY SHARE OF w
