INSERT INTO staging_orders (run_id, kind, rows, again_in, reason, reason_nonce, ordered_by)
VALUES (%(run_id)s, %(kind)s, %(rows)s, %(again_in)s, %(reason)s, %(nonce)s, %(by)s)
