-- What the run was granted beyond its budgets, what is reserved for calls under way, and what was reserved for those whose
-- end nobody has seen.
SELECT coalesce(max(s.more_tokens), 0) AS more_tokens, coalesce(max(s.more_money), 0) AS more_money,
       coalesce(sum(c.reserved_tokens) FILTER (WHERE c.fate = 'running'), 0)::bigint AS reserved_tokens,
       coalesce(sum(c.reserved_money) FILTER (WHERE c.fate = 'running'), 0)::bigint AS reserved_money,
       coalesce(sum(c.reserved_tokens) FILTER (WHERE c.fate = 'unseen'), 0)::bigint AS unknown_tokens,
       coalesce(sum(c.reserved_money) FILTER (WHERE c.fate = 'unseen'), 0)::bigint AS unknown_money
FROM (SELECT %(run_id)s::bigint AS run_id) AS asked
LEFT JOIN spending s ON s.run_id = asked.run_id AND s.record_id = 0
LEFT JOIN calls c ON c.run_id = asked.run_id AND c.accepted IS NULL
