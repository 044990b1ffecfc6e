INSERT INTO spending (run_id, record_id, more_tokens, more_money)
VALUES (%(run_id)s, 0, %(tokens)s, %(money)s)
ON CONFLICT (run_id, record_id) DO UPDATE
SET more_tokens = spending.more_tokens + excluded.more_tokens, more_money = spending.more_money + excluded.more_money
