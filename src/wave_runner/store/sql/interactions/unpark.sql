-- Parked work of runs that are not held any more becomes due now.
UPDATE interactions SET ready_at = clock_timestamp()
WHERE ready_at = 'infinity' AND run_id <> ALL (ARRAY(SELECT run_id FROM held_runs))
