-- How often models were asked in a run, and what the answers have saved that were recorded already.
SELECT begun.attempts - hit.answers AS calls, hit.answers, hit.tokens, hit.service_us
FROM (
    SELECT coalesce(sum(i.attempt), 0)::bigint AS attempts
    FROM run_steps rs
    JOIN actors a ON a.actor_id = rs.actor_id AND a.kind = 'ai_model'
    JOIN interactions i ON i.run_id = rs.run_id AND i.run_step_id = rs.run_step_id
    WHERE rs.run_id = %(run_id)s
) AS begun
CROSS JOIN (
    SELECT count(*) AS answers, coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(service_us), 0)::bigint AS service_us
    FROM hits WHERE run_id = %(run_id)s
) AS hit
