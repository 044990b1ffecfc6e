-- A run has ended when nothing of it lives: no interaction, no fan-out, no record without a verdict. What it is
-- called then is computed here and nowhere else: completed means that every record's `ensures` hold, and that every
-- staged row has been decided on. Locked only when it would end: this is asked again and again while it runs.
WITH live AS (
    SELECT coalesce(sum(n), 0) AS n FROM (
        SELECT n FROM counts WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
        UNION ALL
        SELECT delta FROM count_deltas WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
    ) AS both_parts
), run AS MATERIALIZED (
    SELECT run_id FROM workflow_runs
    WHERE run_id = %(run_id)s AND state = 'running'
      AND (SELECT n FROM live) = 0
      AND NOT EXISTS (SELECT FROM fan_outs WHERE run_id = %(run_id)s AND closed_at IS NULL)
      AND NOT EXISTS (SELECT FROM run_records WHERE run_id = %(run_id)s AND state IN ('live', 'ended'))
    FOR UPDATE
), ended AS (
    SELECT run.run_id,
           (SELECT count(*) FROM staged_records WHERE run_id = %(run_id)s AND state = 'waiting') AS undecided,
           (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s AND state = 'completed') AS completed,
           (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s AND state = 'incomplete') AS incomplete,
           (SELECT count(*) FROM fan_outs WHERE run_id = %(run_id)s AND error IS NOT NULL)
           + (SELECT count(*) FROM interactions
            WHERE run_id = %(run_id)s AND record_id IS NULL AND in_force
              AND state IN ('failed', 'quarantined') AND NOT handled) AS broken_once
    FROM run
)
UPDATE workflow_runs r
SET state = CASE WHEN e.incomplete = 0 AND e.broken_once = 0 AND e.undecided = 0 THEN 'completed' ELSE 'failed' END,
    ended_at = clock_timestamp()
FROM ended e
WHERE r.run_id = e.run_id
RETURNING r.run_id, r.state, r.correlation_id, e.completed, e.incomplete, e.broken_once, e.undecided
