-- Interactions that ended in the window before the run's end, or before now while it is under way; one row without a bucket where none did.
WITH span AS MATERIALIZED (
    SELECT greatest(started_at, until - make_interval(secs => %(window_s)s)) AS since, until
    FROM (SELECT run_id, started_at, coalesce(ended_at, clock_timestamp()) AS until FROM workflow_runs) AS r
    WHERE run_id = %(run_id)s
)
SELECT extract(epoch FROM span.until - span.since)::float8 AS seconds, ended.bucket, ended.finished, ended.completed
FROM span
LEFT JOIN (
    SELECT date_bin(make_interval(secs => %(bucket_s)s), finished_at, 'epoch') AS bucket,
           count(*) AS finished, count(*) FILTER (WHERE state = 'completed') AS completed
    FROM interactions
    WHERE run_id = %(run_id)s AND finished_at >= (SELECT since FROM span) AND finished_at <= (SELECT until FROM span)
    GROUP BY 1
) AS ended ON true
ORDER BY ended.bucket
