-- Whether work can be done: the schema's version, runners that have been heard of within a lease, and runs that have not ended.
SELECT (SELECT version_num FROM schema_version) AS version,
       works_since() AS works_since,
       (SELECT count(*) FROM runners
        WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)) AS at_work,
       (SELECT count(*) FROM workflow_runs r WHERE run_state(r) = 'running') AS runs,
       (SELECT extract(epoch FROM clock_timestamp() - min(r.started_at))::float8
        FROM workflow_runs r WHERE run_state(r) = 'running') AS oldest_s
