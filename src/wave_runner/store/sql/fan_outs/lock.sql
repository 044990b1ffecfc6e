-- One runner does one fan-out at a time; each chunk is a transaction of its own, so a killed one goes on where it was.
SELECT run_id, interaction_id FROM fan_outs
WHERE closed_at IS NULL AND interaction_id IS NOT NULL AND begun IS DISTINCT FROM room
ORDER BY run_id
LIMIT 1
FOR UPDATE SKIP LOCKED
