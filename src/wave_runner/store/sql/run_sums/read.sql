-- What the interactions of a run add up to, where that is kept and nothing has happened to the run since: each change of an
-- interaction has its event, in the same transaction.
SELECT k.sums
FROM run_sums k
WHERE k.run_id = %(run_id)s AND k.sums IS NOT NULL
  AND k.newest_event_id = (SELECT event_id FROM interaction_events WHERE run_id = k.run_id ORDER BY event_id DESC LIMIT 1)
