WITH halved AS (
    UPDATE durations SET n = n / 2
    WHERE queue_id = %(queue_id)s AND n > 1
      AND (SELECT sum(n) FROM durations WHERE queue_id = %(queue_id)s) > %(most)s
    RETURNING bucket
)
DELETE FROM durations WHERE queue_id = %(queue_id)s AND n = 1 AND EXISTS (SELECT FROM halved)
