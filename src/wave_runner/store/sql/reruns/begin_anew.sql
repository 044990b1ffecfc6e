-- What records may use counts from now on: what they had used was for results that count no more.
UPDATE spending SET interactions = 0, model_calls = 0, seconds = 0, tokens = 0, money = 0
WHERE run_id = %(run_id)s AND record_id = ANY (%(record_ids)s::bigint[])
