UPDATE ledger l
SET used_tokens = g.tokens, used_money = g.money
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::integer[], %(tokens)s::bigint[], %(money)s::bigint[])
    AS g (run_id, interaction_id, attempt, tokens, money)
WHERE l.run_id = g.run_id AND l.interaction_id = g.interaction_id AND l.attempt = g.attempt AND l.used_tokens IS NULL
