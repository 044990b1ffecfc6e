-- How many runners have been heard of within a lease, and whether there is anything for one to do.
SELECT (SELECT count(*) FROM runners
        WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(lease_s)s)) AS at_work,
       EXISTS (SELECT FROM workflow_runs r WHERE run_state(r) = 'running') AS work_waits
