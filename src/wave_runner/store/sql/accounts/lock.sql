-- Accounts, locked in one order until the transaction ends; made where there were none.
WITH made AS (
    INSERT INTO accounts (kind, name)
    SELECT kind, name FROM unnest(%(kinds)s::text[], %(names)s::text[]) AS g (kind, name) ORDER BY kind, name
    ON CONFLICT (kind, name) DO UPDATE SET next_request_at = accounts.next_request_at
    RETURNING kind, name
)
SELECT count(*) FROM made
