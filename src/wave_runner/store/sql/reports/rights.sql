-- What this user may do here: whether it is, or may act as, the owner of the tables, whether it works or only looks, and what of
-- that which a runner needs it has not.
SELECT current_user::text AS role, pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'MEMBER') AS owns,
       has_column_privilege(c.oid, 'data', 'INSERT') AS writes,
       ARRAY(SELECT n.verb || ' on ' || n.name
             FROM unnest(%(verbs)s::text[], %(tables)s::text[]) AS n (verb, name)
             WHERE NOT has_table_privilege(to_regclass(n.name), n.verb) ORDER BY n.name, n.verb) AS lacking
FROM pg_class c
WHERE c.oid = 'interaction_events'::regclass
