-- How many open tasks of all runs wait in which queue.
SELECT queue, count(*) AS tasks, count(*) FILTER (WHERE claim_expires_at > clock_timestamp()) AS claimed,
       count(*) FILTER (WHERE due_at < clock_timestamp()) AS overdue, min(asked_at) AS oldest
FROM tasks
WHERE decided_at IS NULL
GROUP BY queue
ORDER BY queue
