-- How long the attempts of each model took, as they were counted by duration, all queues of one work key together.
SELECT q.lane AS server, q.work_key, d.bucket, sum(d.n)::bigint AS n
FROM durations d
JOIN queues q USING (queue_id)
JOIN actors a USING (actor_id)
WHERE a.kind = 'ai_model'
GROUP BY q.lane, q.work_key, d.bucket
ORDER BY q.lane, q.work_key, d.bucket
