-- Take the large run that is under way and was counted the longest time ago, of those that have had an event since, for as long as
-- counting may take. Meanwhile, and while there is rest after it, nobody takes any: what all of them cost together is bounded so.
INSERT INTO interim_sums (run_id, next_at)
SELECT r.run_id, clock_timestamp() + make_interval(secs => %(longest_s)s)
FROM workflow_runs r
LEFT JOIN interim_sums k USING (run_id)
WHERE r.state = 'running'
  AND NOT EXISTS (SELECT FROM interim_sums WHERE next_at > clock_timestamp())
  AND k.newest_event_id IS DISTINCT FROM (
      SELECT event_id FROM interaction_events WHERE run_id = r.run_id ORDER BY event_id DESC LIMIT 1)
  AND (SELECT coalesce(sum(n), 0) FROM counts WHERE run_id = r.run_id) >= %(least)s
ORDER BY k.next_at NULLS FIRST, r.run_id
LIMIT 1
ON CONFLICT (run_id) DO UPDATE SET next_at = excluded.next_at
WHERE interim_sums.next_at <= clock_timestamp()
RETURNING run_id
