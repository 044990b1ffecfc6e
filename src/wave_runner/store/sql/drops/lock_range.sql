-- Who has this row drops the range; anybody else comes too late.
SELECT first_run FROM run_ranges WHERE first_run = %(first_run)s AND drop_id IS NOT NULL AND dropped_at IS NULL FOR UPDATE SKIP LOCKED
