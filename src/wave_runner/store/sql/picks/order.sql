UPDATE picks SET kind = %(kind)s, reason = %(reason)s, reason_nonce = %(nonce)s, ordered_at = now()
WHERE pick_id = %(pick_id)s AND kind IS NULL
