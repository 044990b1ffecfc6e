-- Gives the waves that are still ours a new lease; a wave that a sweeper has closed is not among them.
UPDATE waves SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE wave_id = ANY (%(wave_ids)s::bigint[]) AND runner_id = %(runner_id)s AND closed_at IS NULL
RETURNING wave_id
