-- The columns of a table that are stored as they are given, and not computed from others.
SELECT a.attname AS name
FROM pg_attribute a
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
