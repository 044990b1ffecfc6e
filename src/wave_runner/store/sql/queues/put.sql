INSERT INTO queues (work_key, template, lane, actor_id)
VALUES (%(work_key)s, %(template)s, %(lane)s, %(actor_id)s)
ON CONFLICT (work_key, template, actor_id) DO UPDATE SET lane = excluded.lane
RETURNING queue_id
