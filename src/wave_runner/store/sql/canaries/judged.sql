-- A canary is judged once, by whoever is first. A person has not been asked for it before, and the others wait until the fan-out is
-- let go.
UPDATE workflow_runs SET canary_verdict = %(verdict)s
WHERE run_id = %(run_id)s AND canary_verdict IS NULL AND state = 'running' AND cancelled_at IS NULL
RETURNING correlation_id
