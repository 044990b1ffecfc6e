-- The newest run that has ended whose interactions are many, and whose sums are not kept, or do not hold any more; among the newest runs.
SELECT r.run_id, newest.event_id AS newest_event_id
FROM (SELECT run_id, state FROM workflow_runs ORDER BY run_id DESC LIMIT %(newest)s) AS r
CROSS JOIN LATERAL (
    SELECT event_id FROM interaction_events WHERE run_id = r.run_id ORDER BY event_id DESC LIMIT 1
) AS newest
WHERE r.state <> 'running'
  AND NOT EXISTS (SELECT FROM kept_sums WHERE run_id = r.run_id)
  AND (SELECT coalesce(sum(n), 0) FROM counts WHERE run_id = r.run_id) >= %(least)s
ORDER BY r.run_id DESC
LIMIT 1
