-- What a lane has measured. Where very many are counted all are halved first, so that old times fade.
WITH given AS (
    SELECT bucket, n FROM unnest(%(buckets)s::smallint[], %(counts)s::int[]) AS g (bucket, n) ORDER BY bucket
)
INSERT INTO durations (queue_id, bucket, n) SELECT %(queue_id)s, bucket, n FROM given
ON CONFLICT (queue_id, bucket) DO UPDATE SET n = durations.n + excluded.n
