-- What a project has made of its own in the schema: tables and views (never the partitions, which are reached through their
-- table), and sequences that belong to no identity column.
SELECT c.relname::text AS name, c.relkind = 'S' AS is_sequence
FROM pg_class c
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND NOT c.relispartition AND c.relname <> ALL (%(own)s::text[])
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('i', 'e'))
ORDER BY c.relname
