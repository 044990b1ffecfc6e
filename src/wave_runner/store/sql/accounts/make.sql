-- Accounts of which nothing has been begun yet.
INSERT INTO accounts (kind, name)
SELECT kind, name FROM unnest(%(kinds)s::text[], %(names)s::text[]) AS g (kind, name) ORDER BY kind, name
ON CONFLICT (kind, name) DO NOTHING
