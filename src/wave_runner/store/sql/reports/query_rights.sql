-- As whom the project's queries are asked, and whether they may read what is the engine's.
SELECT current_user::text AS query_role,
       coalesce(bool_or(has_table_privilege(c.oid, 'SELECT')), false) AS query_reads_all
FROM pg_class c
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relname = ANY (%(tables)s::text[])
