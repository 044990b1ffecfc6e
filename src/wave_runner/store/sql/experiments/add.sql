INSERT INTO experiments (run_id, step, asked, times, seed, gold, changes)
VALUES (%(run_id)s, %(step)s, %(asked)s, %(times)s, %(seed)s, %(gold)s, %(changes)s)
