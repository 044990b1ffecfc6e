-- A statement of its own, before anything is asked about the run: what is asked next sees what the one before has
-- committed, which no lock taken in the asking itself gives. Whoever ends a run and whoever makes something of it live
-- again take turns by it. Not FOR UPDATE: who only refers to the run need not wait.
SELECT cancelled_at IS NOT NULL AS cancelled FROM workflow_runs
WHERE run_id = %(run_id)s
FOR NO KEY UPDATE
