-- The one that has been due for longest. Whoever takes it has it for so long: if nothing is heard of it until then, it is sent
-- again. That an alert is settled is told behind that it was raised.
UPDATE notices SET attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => %(hold_s)s)
WHERE notice_id = (
    SELECT due.notice_id
    FROM notices due LEFT JOIN notices raised ON raised.notice_id = due.settles
    WHERE due.next_at <= clock_timestamp() AND raised.next_at IS NULL
    ORDER BY due.next_at, due.made_at
    LIMIT 1
    FOR UPDATE OF due SKIP LOCKED)
RETURNING notice_id, settles, kind, subject, since, message, made_at, attempts,
          extract(epoch FROM clock_timestamp() - made_at)::float8 AS age_s
