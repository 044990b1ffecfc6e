-- No runner that has ended, or was lost for longer than a lease, still owns a server or holds a transaction open.
SELECT NULL::bigint AS run_id, NULL::bigint AS interaction_id,
       'server ' || o.server || ' is owned by runner ' || o.runner_id || ', which has ended' AS says
FROM server_owners o JOIN runners r USING (runner_id)
WHERE r.ended_at IS NOT NULL
UNION ALL
SELECT NULL, NULL, a.application_name || ' (process ' || a.pid || ' of the server) holds a transaction open since '
       || to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS')
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.application_name LIKE 'wave%%' AND a.state LIKE 'idle in transaction%%'
  AND a.state_change < clock_timestamp() - make_interval(secs => %(lease_s)s)
