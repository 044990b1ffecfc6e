-- A call is settled once, by whoever has seen its end, whether or not its result still counts.
UPDATE ledger l
SET accepted = g.accepted, tokens_in = g.tokens_in, tokens_cached = g.tokens_cached, tokens_out = g.tokens_out,
    service_us = g.service_us, token_money = g.token_money, machine_money = g.machine_money
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::integer[], %(accepted)s::bool[],
            %(tokens_in)s::integer[], %(tokens_cached)s::integer[], %(tokens_out)s::integer[], %(service_us)s::bigint[],
            %(token_money)s::bigint[], %(machine_money)s::bigint[])
    AS g (run_id, interaction_id, attempt, accepted, tokens_in, tokens_cached, tokens_out, service_us, token_money,
          machine_money)
WHERE l.run_id = g.run_id AND l.interaction_id = g.interaction_id AND l.attempt = g.attempt AND l.accepted IS NULL
RETURNING l.interaction_id
