-- What should be under way and is not, at this moment: schedules that are overdue by more than a minute, runs with
-- nobody at work for them or nobody who has the labels that their work needs, and schedules whose last runs have found nothing.
SELECT 'schedule_overdue' AS kind, s.name AS subject, s.next_at AS since, s.blocked_by AS reason
FROM schedules s WHERE s.next_at < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT 'no_runner', format('run %%s of %%s', r.run_id, w.name), greatest(r.started_at, (SELECT max(heartbeat_at) FROM runners)), NULL
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE run_state(r) = 'running'
  AND NOT EXISTS (SELECT FROM runners
                  WHERE ended_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s))
UNION ALL
SELECT 'no_label', format('run %%s of %%s', r.run_id, w.name), r.started_at, string_agg(DISTINCT array_to_string(q.needs, ', '), '; ')
FROM workflow_runs r
JOIN workflows w USING (workflow_id)
JOIN run_steps rs USING (run_id)
JOIN queues q USING (queue_id)
WHERE run_state(r) = 'running' AND q.needs <> '{}'
  AND (SELECT coalesce(sum(n), 0) FROM counts c WHERE c.run_id = r.run_id AND c.run_step_id = rs.run_step_id AND c.state = 'pending')
      + (SELECT coalesce(sum(delta), 0) FROM count_deltas d
         WHERE d.run_id = r.run_id AND d.run_step_id = rs.run_step_id AND d.state = 'pending') > 0
  AND NOT EXISTS (SELECT FROM runners n
                  WHERE n.ended_at IS NULL AND n.heartbeat_at > clock_timestamp() - make_interval(secs => %(silent_s)s)
                    AND q.needs <@ n.labels)
GROUP BY r.run_id, w.name
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
