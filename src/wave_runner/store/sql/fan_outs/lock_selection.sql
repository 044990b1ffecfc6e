-- Whoever finds it where the last chunk left it does the next one; a runner that looked earlier looks again.
SELECT begun FROM fan_outs
WHERE run_id = %(run_id)s AND interaction_id IS NULL AND closed_at IS NULL
  AND after_key IS NOT DISTINCT FROM %(after_key)s::text
FOR UPDATE SKIP LOCKED
