INSERT INTO queues (work_key, template, lane, actor_id, needs)
VALUES (%(work_key)s, %(template)s, %(lane)s, %(actor_id)s, %(needs)s)
ON CONFLICT (work_key, template, actor_id) DO UPDATE SET lane = excluded.lane, needs = excluded.needs
RETURNING queue_id
