WITH line AS (
    SELECT count(*) AS calls, count(*) FILTER (WHERE NOT accepted) AS failed, 0 AS running, 0 AS unseen,
           count(*) FILTER (WHERE tokens_in IS NULL) AS not_counted, count(*) FILTER (WHERE machine_money IS NULL) AS not_priced,
           sum(tokens_in) AS tokens_in, sum(tokens_cached) AS tokens_cached, sum(tokens_out) AS tokens_out, sum(service_us) AS machine_us,
           sum(token_money + machine_money) / 1e9 AS cost, sum(token_money) / 1e9 AS token_cost, sum(machine_money) / 1e9 AS machine_cost,
           sum(token_money + machine_money) FILTER (WHERE NOT accepted) / 1e9 AS failed_cost, 0 AS unseen_cost
    FROM ledger WHERE run_id = %(run_id)s
)
SELECT jsonb_build_object(
    'run_id', %(run_id)s, 'loads', (SELECT count(*) FROM visits WHERE loaded),
    'load_us', (SELECT coalesce(sum(load_us), 0) FROM visits WHERE loaded),
    'from_cache', jsonb_build_object('answers', 0, 'tokens', 0, 'service_us', 0),
    'total', to_jsonb(line), 'total_lines', 1, 'lines', jsonb_build_array(to_jsonb(line)))
FROM line
