-- The steps of a run, and whether those that it does once are through: while they are not, rows are still being decided on.
SELECT array_agg(DISTINCT rs.run_step_id) AS run_step_ids,
       EXISTS (SELECT FROM interactions i WHERE i.run_id = %(run_id)s AND i.record_id IS NULL AND i.finished_at IS NULL)
           OR EXISTS (SELECT FROM fan_outs f WHERE f.run_id = %(run_id)s AND f.closed_at IS NULL) AS deciding
FROM run_steps rs
WHERE rs.run_id = %(run_id)s
