-- A server wants to be left alone for a while, by everybody.
INSERT INTO accounts (kind, name, next_request_at)
VALUES (%(kind)s, %(name)s, clock_timestamp() + make_interval(secs => %(rest_s)s))
ON CONFLICT (kind, name) DO UPDATE SET next_request_at = greatest(accounts.next_request_at, excluded.next_request_at)
