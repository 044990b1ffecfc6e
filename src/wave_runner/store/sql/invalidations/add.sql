INSERT INTO invalidations (workflow, step, reason, reason_nonce, ordered_by)
VALUES (%(workflow)s, %(step)s, %(reason)s, %(nonce)s, %(by)s)
RETURNING invalidation_id
