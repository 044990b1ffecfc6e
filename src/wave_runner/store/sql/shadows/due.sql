-- Shadows that are given results yet. One that is held is given none meanwhile: it goes on where it was.
SELECT x.run_id FROM experiments x
WHERE x.source_run_id IS NOT NULL AND x.closed_at IS NULL AND NOT EXISTS (SELECT FROM held_runs h WHERE h.run_id = x.run_id)
ORDER BY x.run_id
