-- Who may do what in the database of deploy/compose.yaml: run by its PostgreSQL, once, as the superuser.
-- docs/how-to/deploy.md says what each role is for. Each user's password is read out of the address that it gets.
\set ON_ERROR_STOP on
\set deployer `sed -E 's|^[^:]*://[^:]*:([^@]*)@.*|\1|' /run/secrets/DEPLOYER_URL`
\set worker `sed -E 's|^[^:]*://[^:]*:([^@]*)@.*|\1|' /run/secrets/WAVE_DATABASE_URL`
\set asker `sed -E 's|^[^:]*://[^:]*:([^@]*)@.*|\1|' /run/secrets/WAVE_DATABASE_QUERY_URL`

CREATE ROLE wave_owner NOLOGIN;
CREATE ROLE wave_runner NOLOGIN;
CREATE ROLE wave_query NOLOGIN;
CREATE ROLE wave_read NOLOGIN;

CREATE ROLE wave_deployer LOGIN PASSWORD :'deployer' IN ROLE wave_owner;
CREATE ROLE wave_worker LOGIN PASSWORD :'worker' IN ROLE wave_runner;
CREATE ROLE wave_asker LOGIN PASSWORD :'asker' CONNECTION LIMIT 20 IN ROLE wave_query;

REVOKE CONNECT, TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO wave_owner, wave_runner, wave_query, wave_read;
GRANT CREATE ON DATABASE :"DBNAME" TO wave_owner;
