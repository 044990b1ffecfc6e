-- What a run has come to, once nothing of it lives any more (as end.sql asks once more, under a lock); no row while
-- something does. Locks nothing: this is asked again and again while the run works.
WITH live AS (
    SELECT coalesce(sum(n), 0) AS n FROM (
        SELECT n FROM counts WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
        UNION ALL
        SELECT delta FROM count_deltas WHERE run_id = %(run_id)s AND state IN ('blocked', 'pending', 'running', 'waiting')
    ) AS both_parts
), run AS MATERIALIZED (
    SELECT run_id, workflow_id, params, record_limit, selection, cancelled_at FROM workflow_runs
    WHERE run_id = %(run_id)s AND state = 'running'
      AND (SELECT n FROM live) = 0
      AND NOT EXISTS (SELECT FROM fan_outs WHERE run_id = %(run_id)s AND closed_at IS NULL)
      AND NOT EXISTS (SELECT FROM experiments WHERE run_id = %(run_id)s AND source_run_id IS NOT NULL AND closed_at IS NULL)
      AND NOT EXISTS (SELECT FROM run_records WHERE run_id = %(run_id)s AND state IN ('live', 'ended'))
), chosen AS (
    -- Runs to be compared with: the same workflow and parameters, and nothing left out.
    SELECT o.run_id FROM workflow_runs o JOIN run USING (workflow_id, params)
    WHERE o.kind = 'run' AND o.state IN ('completed', 'failed') AND o.run_id < run.run_id AND o.record_limit IS NULL AND o.selection IS NULL
    ORDER BY o.run_id DESC LIMIT 10
)
SELECT run.run_id, run.cancelled_at IS NOT NULL AS cancelled, run.record_limit, run.selection IS NOT NULL AS filtered,
       rr.records, rr.completed, rr.incomplete, st.staged, st.promoted, st.updated, st.unchanged, st.rejected,
       (SELECT count(DISTINCT record_id) FROM saved_values WHERE run_id = %(run_id)s) AS saved,
       EXISTS (SELECT FROM fan_outs WHERE run_id = %(run_id)s AND interaction_id IS NULL) AS selects,
       ARRAY(SELECT (SELECT count(*) FROM run_records c WHERE c.run_id = chosen.run_id AND c.state = 'completed')
             FROM chosen) AS earlier
FROM run
CROSS JOIN LATERAL (
    SELECT count(*) AS records, count(*) FILTER (WHERE state = 'completed') AS completed,
           count(*) FILTER (WHERE state = 'incomplete') AS incomplete
    FROM run_records WHERE run_id = %(run_id)s
) AS rr
CROSS JOIN LATERAL (
    SELECT count(*) AS staged, count(*) FILTER (WHERE state = 'promoted') AS promoted,
           count(*) FILTER (WHERE state = 'updated') AS updated,
           count(*) FILTER (WHERE state = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE state = 'rejected') AS rejected
    FROM staged_records WHERE run_id = %(run_id)s
) AS st
