WITH run AS (
    INSERT INTO workflow_runs
        (run_id, workflow_id, definition_id, kind, params, record_limit, canary, selection, priority, correlation_id, started_by, asks_anew, takes_again, currency, revalidates, ends_by)
    VALUES (new_run_id(), %(workflow_id)s, %(definition_id)s, %(kind)s, %(params)s, %(record_limit)s, %(canary)s, %(selection)s,
            %(priority)s, gen_random_uuid(), %(started_by)s, %(asks_anew)s, %(takes_again)s, %(currency)s, %(revalidates)s,
            clock_timestamp() + make_interval(secs => %(timeout_s)s))
    RETURNING run_id, correlation_id
), generation AS (
    INSERT INTO reruns (run_id, generation) SELECT run_id, 0 FROM run RETURNING run_id
)
SELECT run.run_id, run.correlation_id FROM run JOIN generation USING (run_id)
