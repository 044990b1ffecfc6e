-- What should be under way and is not, at this moment: schedules that are overdue by more than a minute, and runs with
-- nobody at work for them.
SELECT 'schedule_overdue' AS kind, s.name AS subject, s.next_at AS since, s.blocked_by AS reason
FROM schedules s WHERE s.next_at < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT 'no_runner', format('run %%s of %%s', r.run_id, w.name), greatest(r.started_at, (SELECT max(heartbeat_at) FROM runners)), NULL
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.state = 'running' AND NOT run_waits(r.run_id)
  AND NOT EXISTS (SELECT FROM runners
                  WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s))
ORDER BY since
