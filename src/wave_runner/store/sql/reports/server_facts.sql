-- What the server says of itself: settings that the promises rest on, rights, room, and what holds it up.
SELECT current_database() AS database, current_user AS role, current_setting('server_version') AS version,
       clock_timestamp() AS now,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('data_checksums') AS data_checksums, current_setting('autovacuum') AS autovacuum,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       EXISTS (SELECT FROM pg_partition_tree('interaction_events') AS leaf
               WHERE has_table_privilege(leaf.relid, 'UPDATE, DELETE, TRUNCATE')) AS may_change_events,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections_free,
       coalesce(oldest.age_s, 0)::float8 AS oldest_transaction_s, coalesce(oldest.who, '') AS oldest_transaction_of,
       (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS xid_age,
       pg_database_size(current_database()) AS size
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM clock_timestamp() - began) AS age_s, who
    FROM (
        SELECT xact_start AS began, coalesce(nullif(application_name, ''), usename, 'somebody') || ' (process ' || pid || ')' AS who
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        UNION ALL
        SELECT prepared, 'the prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = current_database()
    ) AS open
    ORDER BY began
    LIMIT 1
) AS oldest ON true
