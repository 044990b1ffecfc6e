-- What the calls of each interaction have cost, in billionths, all attempts together; NULL where a part of it is unknown.
SELECT l.interaction_id, r.currency, count(*) AS calls,
       CASE WHEN bool_and(l.token_money IS NOT NULL) THEN sum(l.token_money + l.machine_money) END AS money
FROM ledger l JOIN workflow_runs r USING (run_id)
WHERE l.run_id = %(run_id)s AND l.interaction_id = ANY (%(ids)s::bigint[])
GROUP BY l.interaction_id, r.currency
