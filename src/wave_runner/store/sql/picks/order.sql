UPDATE picks SET kind = %(kind)s, reason = %(reason)s, reason_nonce = %(nonce)s, answer_sha256 = %(answer_sha256)s, ordered_at = now()
WHERE pick_id = %(pick_id)s AND kind IS NULL
