-- What the calls of a run have used and cost: first all of them, then those of each step, model, record or attempt, the dearest
-- first. What each is of is said by number: its name can change, by an erasure. What is unknown adds to nothing and is counted: calls that run, whose end nobody has seen (with what was reserved
-- for them), whose tokens the server has not counted, and those of models without a price.
WITH found AS (
    SELECT grouping(c.step_of) = 1 AS whole, c.step_of, c.actor_of, c.record_of, c.interaction_id, c.attempt, c.fate_of AS fate,
           count(*) AS calls,
           count(*) FILTER (WHERE c.fate = 'failed') AS failed,
           count(*) FILTER (WHERE c.fate = 'running') AS running,
           count(*) FILTER (WHERE c.fate = 'unseen') AS unseen,
           count(*) FILTER (WHERE c.accepted IS NOT NULL AND c.tokens_in IS NULL) AS not_counted,
           count(*) FILTER (WHERE c.accepted IS NOT NULL AND c.machine_money IS NULL) AS not_priced,
           coalesce(sum(c.tokens_in), 0)::bigint AS tokens_in,
           coalesce(sum(c.tokens_cached), 0)::bigint AS tokens_cached,
           coalesce(sum(c.tokens_out), 0)::bigint AS tokens_out,
           coalesce(sum(c.service_us), 0)::bigint AS machine_us,
           coalesce(sum(c.token_money), 0)::bigint AS token_money,
           coalesce(sum(c.machine_money), 0)::bigint AS machine_money,
           coalesce(sum(coalesce(c.token_money, 0) + coalesce(c.machine_money, 0)) FILTER (WHERE c.fate = 'failed'), 0)::bigint AS failed_money,
           coalesce(sum(c.reserved_money) FILTER (WHERE c.fate = 'unseen'), 0)::bigint AS unseen_money
    FROM (
        SELECT CASE WHEN %(by)s IN ('step', 'attempt') THEN c.run_step_id END AS step_of,
               CASE WHEN %(by)s IN ('step', 'model', 'attempt') THEN rs.actor_id END AS actor_of,
               CASE WHEN %(by)s IN ('record', 'attempt') THEN c.record_id END AS record_of,
               CASE WHEN %(by)s = 'attempt' THEN c.interaction_id END AS interaction_id,
               CASE WHEN %(by)s = 'attempt' THEN c.attempt END AS attempt,
               CASE WHEN %(by)s = 'attempt' THEN c.fate END AS fate_of,
               c.fate, c.accepted, c.tokens_in, c.tokens_cached, c.tokens_out, c.service_us, c.token_money, c.machine_money,
               c.reserved_money
        FROM calls c JOIN run_steps rs USING (run_step_id)
        WHERE c.run_id = %(run_id)s
    ) AS c
    GROUP BY GROUPING SETS ((), (c.step_of, c.actor_of, c.record_of, c.interaction_id, c.attempt, c.fate_of))
)
SELECT *, count(*) OVER () - 1 AS lines
FROM found
ORDER BY whole DESC, token_money + machine_money DESC, calls DESC, step_of, actor_of, record_of, interaction_id, attempt
LIMIT %(limit)s::bigint + 1
