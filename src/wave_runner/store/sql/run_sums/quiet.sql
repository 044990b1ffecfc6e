-- Whether every transaction is over that can have an event of the run before the one that was noted as its newest, and still is.
SELECT 1 AS quiet
FROM run_sums k
WHERE k.run_id = %(run_id)s AND k.begun_before <= pg_snapshot_xmin(pg_current_snapshot())
  AND k.newest_event_id = (SELECT event_id FROM interaction_events WHERE run_id = k.run_id ORDER BY event_id DESC LIMIT 1)
