-- Erasures that came after a stretch of the log and are of the runs in it: what it speaks of may be gone since.
SELECT l.log_index
FROM event_log l JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
WHERE l.log_index >= %(end)s AND l.log_index < %(size)s AND e.type = 'payload_erased'
  AND l.run_id IN (SELECT run_id FROM event_log WHERE log_index >= %(first)s AND log_index < %(end)s)
