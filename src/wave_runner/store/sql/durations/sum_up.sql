-- The 99th percentile: the first bucket up to which 99 of 100 lie, at its upper end.
UPDATE queues q SET samples = found.total, p99_s = 2 ^ ((found.bucket + 0.5) / %(per_doubling)s::float8) / 1000000
FROM (
    SELECT bucket, total
    FROM (SELECT bucket, sum(n) OVER (ORDER BY bucket) AS upto, sum(n) OVER () AS total
          FROM durations WHERE queue_id = %(queue_id)s) AS counted
    WHERE upto >= 0.99 * total
    ORDER BY bucket
    LIMIT 1
) AS found
WHERE q.queue_id = %(queue_id)s
