-- The batch of a run that has just ended, if it is whole and nothing is known yet of what has vanished: every step that has staged
-- has said that its source was read to the end, and has completed, and no limit has cut the run short.
SELECT b.run_id
FROM batches b JOIN workflow_runs r USING (run_id)
WHERE b.run_id = %(run_id)s AND b.state = 'open' AND r.record_limit IS NULL AND r.selection IS NULL AND r.revalidates IS NULL
  AND NOT EXISTS (SELECT FROM staged_records s WHERE s.run_id = b.run_id AND s.interaction_id <> ALL (b.fetcher_ids))
  AND NOT EXISTS (SELECT FROM unnest(b.fetcher_ids) AS f (interaction_id)
                  LEFT JOIN interactions i ON i.run_id = b.run_id AND i.interaction_id = f.interaction_id
                  WHERE i.state IS DISTINCT FROM 'completed' OR NOT i.in_force)
FOR UPDATE OF b
