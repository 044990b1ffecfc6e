-- The most that one of a run's records has used, of each.
SELECT coalesce(max(interactions), 0) AS interactions, coalesce(max(model_calls), 0) AS model_calls, coalesce(max(seconds), 0) AS seconds,
       coalesce(max(tokens), 0) AS tokens, coalesce(max(money), 0) AS money
FROM spending
WHERE run_id = %(run_id)s AND record_id > 0
