-- Whether this session may make roles, and whether it is everybody anyway.
SELECT rolsuper OR rolcreaterole AS may_make, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user
