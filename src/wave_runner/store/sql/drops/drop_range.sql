-- Needs all to itself what everybody works on, for a moment: with a short limit for its locks.
SELECT drop_run_range(%(first_run)s)
