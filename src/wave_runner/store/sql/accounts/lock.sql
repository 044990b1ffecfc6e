-- Accounts, locked in one order until the transaction ends; those that there are.
SELECT a.kind, a.name
FROM accounts a
JOIN unnest(%(kinds)s::text[], %(names)s::text[]) AS g (kind, name) USING (kind, name)
ORDER BY a.kind, a.name
FOR NO KEY UPDATE OF a
