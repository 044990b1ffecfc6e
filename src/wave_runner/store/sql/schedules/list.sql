SELECT s.name, s.cron, s.timezone, s.next_at, s.blocked_by, f.due_at, f.fired_at, f.run_id,
       CASE WHEN r.state = 'running' AND run_waits(r.run_id) THEN 'waiting' ELSE r.state END AS run_state
FROM schedules s
LEFT JOIN LATERAL (
    SELECT due_at, fired_at, run_id FROM firings WHERE schedule = s.name ORDER BY due_at DESC LIMIT 1
) AS f ON true
LEFT JOIN workflow_runs r USING (run_id)
