-- The snapshot of this statement, and after it the time: no event that it sees was recorded later. A signed checkpoint must never
-- be of leaves that a crash takes back, so this transaction waits for the disk whatever the server is set to.
SELECT pg_current_snapshot()::text AS snapshot, pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at_us,
       to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       system_identifier,
       set_config('synchronous_commit', 'on', true) AS synchronous_commit
FROM pg_control_system()
