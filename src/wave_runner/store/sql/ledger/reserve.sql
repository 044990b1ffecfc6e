INSERT INTO ledger (run_id, interaction_id, attempt, tokens, money)
SELECT run_id, interaction_id, attempt, tokens, money
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::integer[], %(tokens)s::bigint[], %(money)s::bigint[])
    AS g (run_id, interaction_id, attempt, tokens, money)
