UPDATE notices SET next_at = NULL, trouble = %(trouble)s, given_up_at = clock_timestamp()
WHERE notice_id = %(notice_id)s AND next_at IS NOT NULL AND attempts = %(attempts)s
RETURNING notice_id
