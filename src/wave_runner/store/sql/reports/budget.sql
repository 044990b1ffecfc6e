-- What the run was granted beyond its budgets, what is reserved for calls under way, and what was reserved for those whose
-- end nobody has seen.
SELECT coalesce(max(s.more_tokens), 0) AS more_tokens, coalesce(max(s.more_money), 0) AS more_money,
       coalesce(sum(l.tokens) FILTER (WHERE l.lives), 0)::bigint AS reserved_tokens,
       coalesce(sum(l.money) FILTER (WHERE l.lives), 0)::bigint AS reserved_money,
       coalesce(sum(l.tokens) FILTER (WHERE NOT l.lives), 0)::bigint AS unknown_tokens,
       coalesce(sum(l.money) FILTER (WHERE NOT l.lives), 0)::bigint AS unknown_money
FROM (SELECT %(run_id)s::bigint AS run_id) AS asked
LEFT JOIN spending s ON s.run_id = asked.run_id AND s.record_id = 0
LEFT JOIN LATERAL (
    SELECT l.tokens, l.money, i.state = 'running' AND i.attempt = l.attempt AS lives
    FROM ledger l JOIN interactions i USING (run_id, interaction_id)
    WHERE l.run_id = asked.run_id AND l.used_tokens IS NULL
) AS l ON true
