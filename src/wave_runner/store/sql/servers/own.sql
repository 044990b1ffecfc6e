-- Takes a local model server that nobody owns, whose owner ended, or whose owner's lease has run out; renews our own.
INSERT INTO server_owners (server, runner_id, lease_expires_at)
VALUES (%(server)s, %(runner_id)s, clock_timestamp() + make_interval(secs => %(lease_s)s))
ON CONFLICT (server) DO UPDATE
SET runner_id = excluded.runner_id, lease_expires_at = excluded.lease_expires_at
WHERE server_owners.runner_id = excluded.runner_id
   OR server_owners.lease_expires_at < clock_timestamp()
RETURNING server
