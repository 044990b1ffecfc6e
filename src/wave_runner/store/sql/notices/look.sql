-- One runner looks for all, and not more often than every so many seconds: two that look at the same time would not know of
-- each other what they raise and settle. Nobody waits for who looks.
UPDATE notice_looks SET looked_at = clock_timestamp()
WHERE only_one IN (
    SELECT only_one FROM notice_looks
    WHERE looked_at < clock_timestamp() - make_interval(secs => %(every_s)s)
    FOR UPDATE SKIP LOCKED)
RETURNING looked_at
