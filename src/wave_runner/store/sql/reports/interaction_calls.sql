-- What each call of a model has used and cost for one interaction, in billionths; NULL is what is not known.
SELECT c.attempt, c.fate, c.tokens_in, c.tokens_out, c.token_money + c.machine_money AS money, r.currency
FROM calls c JOIN workflow_runs r USING (run_id)
WHERE c.run_id = %(run_id)s AND c.interaction_id = %(interaction_id)s
ORDER BY c.attempt
