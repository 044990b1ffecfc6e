-- Sorted, so that two runs with the same keys wait for each other and never both.
INSERT INTO records (collection, key)
SELECT DISTINCT %(collection)s, key FROM unnest(%(keys)s::text[]) AS g (key) ORDER BY key
ON CONFLICT (collection, key) DO NOTHING
