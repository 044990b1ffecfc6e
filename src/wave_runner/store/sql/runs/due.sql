-- Runs in which something awaits a verdict: records whose flow is through, or else, where nothing lives any more, the run
-- itself (tally.sql then looks closely), unless records wait for the verdict on its canary. Of a shadow nothing does while it is
-- given more: a record may come again. With each a step of it, of the newest rerun that was not undone: any of them says what the run ensures. Locks nothing: this
-- is asked again and again, by every runner, while runs work. OFFSET 0: one look by key for each run. Else the records of all
-- runs are read at once, with all that an old snapshot keeps of runs that have ended.
WITH deltas AS MATERIALIZED (
    SELECT run_id, sum(delta) AS n FROM count_deltas WHERE state IN ('blocked', 'pending', 'running', 'waiting') GROUP BY run_id
)
SELECT r.run_id, s.run_step_id, e.has_ended
FROM workflow_runs r
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM run_records rr WHERE rr.run_id = r.run_id AND rr.state = 'ended' OFFSET 0) AS has_ended
) AS e
CROSS JOIN LATERAL (
    SELECT rs.run_step_id FROM run_steps rs JOIN reruns g USING (run_id, generation)
    WHERE rs.run_id = r.run_id AND g.undone_at IS NULL ORDER BY rs.generation DESC, rs.position LIMIT 1
) AS s
WHERE r.state = 'running'
  AND NOT EXISTS (SELECT FROM experiments x WHERE x.run_id = r.run_id AND x.source_run_id IS NOT NULL AND x.closed_at IS NULL)
  AND (e.has_ended
       OR coalesce((SELECT sum(n) FROM counts c
                    WHERE c.run_id = r.run_id AND c.state IN ('blocked', 'pending', 'running', 'waiting')), 0)
          + coalesce((SELECT n FROM deltas d WHERE d.run_id = r.run_id), 0) = 0
          AND NOT EXISTS (SELECT FROM fan_outs f WHERE f.run_id = r.run_id AND f.closed_at IS NULL AND f.begun = f.room))
ORDER BY r.run_id
