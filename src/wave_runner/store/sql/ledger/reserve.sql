INSERT INTO ledger (run_id, interaction_id, attempt, run_step_id, record_id, reserved_tokens, reserved_money)
SELECT run_id, interaction_id, attempt, run_step_id, record_id, tokens, money
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(attempts)s::integer[], %(run_step_ids)s::bigint[],
            %(record_ids)s::bigint[], %(tokens)s::bigint[], %(money)s::bigint[])
    AS g (run_id, interaction_id, attempt, run_step_id, record_id, tokens, money)
