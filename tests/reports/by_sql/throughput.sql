WITH span AS (
    SELECT run_id, least(3600, extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at)) AS seconds
    FROM workflow_runs WHERE run_id = %(run_id)s
), minutes AS (
    SELECT date_trunc('minute', finished_at) AS at, count(*) AS finished, count(*) FILTER (WHERE state = 'completed') AS completed
    FROM interactions WHERE run_id = %(run_id)s AND finished_at IS NOT NULL GROUP BY 1
)
SELECT jsonb_build_object('run_id', %(run_id)s, 'throughput', jsonb_build_object(
    'window_s', seconds, 'bucket_s', 60, 'finished', (SELECT sum(finished) FROM minutes),
    'per_minute', round(60 * (SELECT sum(finished) FROM minutes) / seconds, 1),
    'buckets', (SELECT jsonb_agg(to_jsonb(m) - 'at' ORDER BY at) FROM minutes m)))
FROM span
