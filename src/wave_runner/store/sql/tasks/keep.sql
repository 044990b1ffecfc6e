-- What a claimer has filled in so far is kept, and the claim is theirs for another lease.
UPDATE tasks
SET draft = %(draft)s, claim_expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s AND claim_token = %(token)s
