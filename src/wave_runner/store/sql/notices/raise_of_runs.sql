-- What runs have raised within a day and was not told yet. What is older is history: a project that begins to tell does not
-- begin with that.
INSERT INTO notices (run_id, kind, subject, since, message, in_force)
SELECT a.run_id, a.kind, format('run %s of %s', a.run_id, w.name), a.raised_at, a.message, true
FROM alerts a JOIN workflow_runs r USING (run_id) JOIN workflows w USING (workflow_id)
WHERE a.raised_at > clock_timestamp() - interval '1 day'
ON CONFLICT (kind, subject) WHERE in_force DO NOTHING
