-- Interactions that ended in the window before the run's end, or before now while it is under way.
WITH span AS (
    SELECT run_id, greatest(started_at, until - make_interval(secs => %(window_s)s)) AS since, until
    FROM (SELECT run_id, started_at, coalesce(ended_at, clock_timestamp()) AS until FROM workflow_runs) AS r
    WHERE run_id = %(run_id)s
)
SELECT extract(epoch FROM span.until - span.since)::float8 AS seconds,
       date_bin(make_interval(secs => %(bucket_s)s), i.finished_at, 'epoch') AS bucket,
       count(i.interaction_id) AS finished,
       count(i.interaction_id) FILTER (WHERE i.state = 'completed') AS completed
FROM span
LEFT JOIN interactions i ON i.run_id = span.run_id AND i.finished_at >= span.since AND i.finished_at <= span.until
GROUP BY span.until, span.since, bucket
ORDER BY bucket
