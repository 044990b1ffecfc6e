-- Runs in which a record has ended and nobody has checked yet what it has come to.
SELECT run_id FROM run_records WHERE record_id = %(record_id)s AND state = 'ended' ORDER BY run_id FOR UPDATE
