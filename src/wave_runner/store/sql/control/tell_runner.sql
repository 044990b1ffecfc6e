-- What a runner is told reaches it with its next heartbeat.
UPDATE runners SET told = %(told)s
WHERE runner_id::text = %(name)s AND ended_at IS NULL AND told <> %(told)s
RETURNING runner_id
