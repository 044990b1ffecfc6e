INSERT INTO reruns (run_id, generation, from_step, reason, reason_nonce, ordered_by)
VALUES (%(run_id)s, %(generation)s, %(from_step)s, %(reason)s, %(nonce)s, %(by)s)
