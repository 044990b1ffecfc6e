-- A run has ended when nothing of it lives: no interaction, no fan-out, no record without a verdict; and a shadow when it is
-- given nothing more besides. What it is called then is computed here and nowhere else: cancelled, if somebody has said so; else completed, which means that
-- every record's `ensures` hold and the run's own (`broken` are those that do not), and that every staged row has been
-- decided on. The run is locked before, by a statement of its own: nothing of it comes to live again meanwhile.
WITH live AS (
    SELECT coalesce(sum(n), 0) AS n FROM (
        SELECT n FROM counts WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
        UNION ALL
        SELECT delta FROM count_deltas WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
    ) AS both_parts
), run AS MATERIALIZED (
    SELECT run_id, cancelled_at IS NOT NULL AS cancelled FROM workflow_runs
    WHERE run_id = %(run_id)s AND state = 'running'
      AND (SELECT n FROM live) = 0
      AND NOT EXISTS (SELECT FROM fan_outs WHERE run_id = %(run_id)s AND closed_at IS NULL)
      AND NOT EXISTS (SELECT FROM experiments WHERE run_id = %(run_id)s AND source_run_id IS NOT NULL AND closed_at IS NULL)
      AND NOT EXISTS (SELECT FROM run_records WHERE run_id = %(run_id)s AND state IN ('live', 'ended'))
), ended AS (
    SELECT run.run_id, run.cancelled,
           (SELECT count(*) FROM staged_records WHERE run_id = %(run_id)s AND state = 'waiting') AS undecided,
           (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s AND state = 'completed') AS completed,
           (SELECT count(*) FROM run_records WHERE run_id = %(run_id)s AND state = 'incomplete') AS incomplete,
           (SELECT count(*) FROM fan_outs WHERE run_id = %(run_id)s AND error IS NOT NULL) AS unselected,
           (SELECT count(*) FROM interactions
            WHERE run_id = %(run_id)s AND record_id IS NULL AND in_force
              AND state IN ('failed', 'quarantined') AND error IS NOT NULL AND NOT handled) AS broken_once
    FROM run
), judged AS (
    SELECT ended.*, CASE WHEN unselected > 0 THEN 'selection_failed' WHEN broken_once > 0 THEN 'step_failed'
                         WHEN undecided > 0 THEN 'rows_undecided'
                         WHEN incomplete > 0 OR %(broken)s::text IS NOT NULL THEN 'postcondition_failed' END AS reason
    FROM ended
)
UPDATE workflow_runs r
SET state = CASE WHEN j.cancelled THEN 'cancelled' WHEN j.reason IS NULL THEN 'completed' ELSE 'failed' END,
    reason = CASE WHEN NOT j.cancelled THEN j.reason END, broken = CASE WHEN NOT j.cancelled THEN %(broken)s END,
    ended_at = clock_timestamp()
FROM judged j
WHERE r.run_id = j.run_id
RETURNING r.run_id, r.state, r.reason, r.correlation_id, j.completed, j.incomplete,
          j.broken_once + j.unselected AS broken_once, j.undecided
