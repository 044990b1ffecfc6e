UPDATE tasks
SET claimed_by = NULL, claim_token = NULL, claimed_at = NULL, claim_expires_at = NULL, draft = NULL
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s AND claim_token = %(token)s
