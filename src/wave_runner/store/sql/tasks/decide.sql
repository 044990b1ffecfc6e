-- One person's word in this round, which is theirs to give once. It ends the claim.
WITH spoken AS (
    INSERT INTO decisions (run_id, interaction_id, round, person, answer, comment, claim_token, seconds)
    SELECT run_id, interaction_id, round, claimed_by, %(answer)s, %(comment)s, claim_token,
           extract(epoch FROM clock_timestamp() - claimed_at)
    FROM tasks WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s AND claim_token = %(token)s
    RETURNING run_id, interaction_id, seconds
), freed AS (
    UPDATE tasks t
    SET claimed_by = NULL, claim_token = NULL, claimed_at = NULL, claim_expires_at = NULL, draft = NULL,
        round = t.round + %(send_back)s::bool::int
    FROM spoken WHERE t.run_id = spoken.run_id AND t.interaction_id = spoken.interaction_id
)
SELECT seconds FROM spoken
