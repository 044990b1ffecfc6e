INSERT INTO reruns (run_id, generation, from_step, leads_on, reason, reason_nonce, ordered_by)
VALUES (%(run_id)s, %(generation)s, %(from_step)s, %(leads_on)s, %(reason)s, %(nonce)s, %(by)s)
