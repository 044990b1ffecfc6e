-- Tokens that were granted and not used: the next ones come sooner; later, where more were used.
UPDATE accounts a SET next_token_at = a.next_token_at - make_interval(secs => g.token_s)
FROM (
    SELECT kind, name, token_s FROM unnest(%(kinds)s::text[], %(names)s::text[], %(token_s)s::float8[]) AS u (kind, name, token_s)
    ORDER BY kind, name
) AS g
WHERE a.kind = g.kind AND a.name = g.name
