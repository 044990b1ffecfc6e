-- What runs were granted beyond their limits, and what is reserved for calls that are under way. It is freed by whatever
-- ends the call: recorded, given back, cancelled or lost, it is not running any more.
SELECT s.run_id, s.more_tokens, s.more_money, coalesce(reserved.tokens, 0) AS reserved_tokens,
       coalesce(reserved.money, 0) AS reserved_money
FROM spending s
CROSS JOIN LATERAL (
    SELECT sum(l.reserved_tokens)::bigint AS tokens, sum(l.reserved_money)::bigint AS money
    FROM ledger l JOIN interactions i USING (run_id, interaction_id)
    WHERE l.run_id = s.run_id AND l.accepted IS NULL AND i.state = 'running' AND i.attempt = l.attempt
) AS reserved
WHERE s.run_id = ANY (%(run_ids)s::bigint[]) AND s.record_id = 0
