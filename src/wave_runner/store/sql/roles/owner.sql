-- Whose the schema is, or is to be, and whether this session may act as that: the owner of what has been made of it; of a new one
-- the role that is there for that, if this session may be it and it may create there; else whoever asks.
SELECT owner.name, pg_has_role(current_user, owner.name, 'MEMBER') AS may
FROM (
    SELECT coalesce(
        (SELECT pg_get_userbyid(c.relowner) FROM pg_class c
         WHERE c.oid = to_regclass(format('%%I.schema_version', %(schema)s::text))),
        (SELECT r.rolname FROM pg_roles r LEFT JOIN pg_namespace n ON n.nspname = %(schema)s
         WHERE r.rolname = %(role)s AND pg_has_role(current_user, r.oid, 'MEMBER')
           AND (n.oid IS NULL OR has_schema_privilege(r.oid, n.oid, 'CREATE'))),
        current_user) AS name
) AS owner
