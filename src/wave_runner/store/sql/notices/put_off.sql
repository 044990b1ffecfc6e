-- An attempt has failed; the next one is somebody's later. Says nothing of a notice that another runner has taken since.
UPDATE notices SET next_at = clock_timestamp() + make_interval(secs => %(pause_s)s), trouble = %(trouble)s
WHERE notice_id = %(notice_id)s AND next_at IS NOT NULL AND attempts = %(attempts)s
