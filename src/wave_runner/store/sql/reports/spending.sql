-- What the run has used as a whole, and the most that one of its records has.
SELECT record_id = 0 AS whole, max(interactions) AS interactions, max(model_calls) AS model_calls, max(seconds) AS seconds,
       max(tokens) AS tokens, max(money) AS money
FROM spending WHERE run_id = %(run_id)s
GROUP BY record_id = 0
