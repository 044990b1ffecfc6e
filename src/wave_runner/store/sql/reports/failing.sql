-- What fails at this moment: servers and models that are left alone for a while, workflows whose last run has failed, and queues
-- of tasks that are overdue.
SELECT 'left_alone' AS kind, format('%%s %%s', b.kind, b.name) AS subject, b.opened_at AS since, b.error_class AS reason, b.failures::bigint AS n
FROM breakers b WHERE b.opened_at < clock_timestamp() - make_interval(secs => %(patience_s)s)
UNION ALL
SELECT 'run_failed', format('workflow %%s', w.name), r.ended_at, r.reason, r.run_id
FROM workflows w
CROSS JOIN LATERAL (SELECT run_id, state, reason, ended_at FROM workflow_runs x
                    WHERE x.workflow_id = w.workflow_id AND x.state IN ('completed', 'failed')
                      AND NOT EXISTS (SELECT FROM experiments e WHERE e.run_id = x.run_id)
                    ORDER BY x.run_id DESC LIMIT 1) AS r
WHERE r.state = 'failed'
UNION ALL
SELECT 'tasks_overdue', format('queue %%s', queue), min(due_at), NULL, count(*)
FROM tasks WHERE decided_at IS NULL AND due_at < clock_timestamp()
GROUP BY queue
ORDER BY since
