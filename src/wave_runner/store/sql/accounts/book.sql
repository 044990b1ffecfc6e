-- What a start costs its accounts: their times move on, from now at the earliest.
UPDATE accounts a
SET next_request_at = CASE WHEN g.request_s > 0
        THEN greatest(a.next_request_at, clock_timestamp()) + make_interval(secs => g.request_s) ELSE a.next_request_at END,
    next_token_at = CASE WHEN g.token_s > 0
        THEN greatest(a.next_token_at, clock_timestamp()) + make_interval(secs => g.token_s) ELSE a.next_token_at END
FROM unnest(%(kinds)s::text[], %(names)s::text[], %(request_s)s::float8[], %(token_s)s::float8[]) AS g (kind, name, request_s, token_s)
WHERE a.kind = g.kind AND a.name = g.name
