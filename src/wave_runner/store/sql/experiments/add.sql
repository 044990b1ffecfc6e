INSERT INTO experiments (run_id, step, asked, times, seed, gold, changes, source_run_id, share, looked_to, fed)
VALUES (%(run_id)s, %(step)s, %(asked)s, %(times)s, %(seed)s, %(gold)s, %(changes)s,
        %(source_run_id)s, %(share)s, %(looked_to)s, CASE WHEN %(source_run_id)s::bigint IS NOT NULL THEN 0 END)
