-- It was taken, whoever else has sent it meanwhile.
UPDATE notices SET next_at = NULL, trouble = NULL, sent_at = clock_timestamp()
WHERE notice_id = %(notice_id)s AND next_at IS NOT NULL
RETURNING notice_id
