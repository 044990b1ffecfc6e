-- Whether the schema has been given to any of some roles.
SELECT coalesce(bool_or(has_schema_privilege(r.oid, %(schema)s, 'USAGE')), false) AS in_use
FROM pg_roles r
WHERE r.rolname = ANY (%(names)s::text[])
