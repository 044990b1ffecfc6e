-- What should be under way and is not, at this moment: schedules that are overdue by more than a minute, runs with
-- nobody at work for them, and schedules whose last runs have found nothing.
SELECT 'schedule_overdue' AS kind, s.name AS subject, s.next_at AS since, s.blocked_by AS reason
FROM schedules s WHERE s.next_at < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT 'no_runner', format('run %%s of %%s', r.run_id, w.name), greatest(r.started_at, (SELECT max(heartbeat_at) FROM runners)), NULL
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE run_state(r) = 'running'
  AND NOT EXISTS (SELECT FROM runners
                  WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s))
UNION ALL
SELECT 'source_idle', s.name, min(last.due_at), NULL
FROM schedules s
CROSS JOIN LATERAL (SELECT f.due_at, EXISTS (SELECT FROM run_records WHERE run_id = f.run_id) AS has_records
                    FROM firings f JOIN workflow_runs r USING (run_id)
                    WHERE f.schedule = s.name AND r.state <> 'running'
                    ORDER BY f.due_at DESC LIMIT %(quiet_runs)s) AS last
WHERE s.next_at IS NOT NULL
GROUP BY s.name
HAVING count(*) = %(quiet_runs)s AND NOT bool_or(last.has_records)
ORDER BY since
