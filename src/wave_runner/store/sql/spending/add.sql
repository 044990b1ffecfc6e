WITH given AS (
    SELECT run_id, record_id, sum(interactions) AS interactions, sum(model_calls) AS model_calls, sum(seconds) AS seconds,
           sum(tokens) AS tokens, sum(money) AS money
    FROM unnest(%(run_ids)s::bigint[], %(record_ids)s::bigint[], %(interactions)s::bigint[], %(model_calls)s::bigint[],
                %(seconds)s::bigint[], %(tokens)s::bigint[], %(money)s::bigint[])
        AS g (run_id, record_id, interactions, model_calls, seconds, tokens, money)
    GROUP BY run_id, record_id
    ORDER BY run_id, record_id
)
INSERT INTO spending (run_id, record_id, interactions, model_calls, seconds, tokens, money)
SELECT run_id, record_id, interactions, model_calls, seconds, tokens, money FROM given
ON CONFLICT (run_id, record_id) DO UPDATE
SET interactions = spending.interactions + excluded.interactions, model_calls = spending.model_calls + excluded.model_calls,
    seconds = spending.seconds + excluded.seconds, tokens = spending.tokens + excluded.tokens,
    money = spending.money + excluded.money
