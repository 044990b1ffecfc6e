-- The last results of steps, as long as the window of each. Whoever records results of the same step waits for this: nobody
-- decides without the results of another runner.
INSERT INTO last_results AS l (run_id, run_step_id, size, recent)
SELECT run_id, run_step_id, size, right(recent, size)
FROM unnest(%(run_ids)s::bigint[], %(run_step_ids)s::bigint[], %(sizes)s::int[], %(recents)s::text[]) AS g (run_id, run_step_id, size, recent)
ORDER BY run_step_id
ON CONFLICT (run_step_id) DO UPDATE SET recent = right(l.recent || excluded.recent, l.size)
RETURNING run_id, run_step_id, recent
