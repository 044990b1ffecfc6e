-- Recorded answers by question. One counts as long as it is in force: completed, not set aside, not doubted, not erased. OFFSET 0: one look
-- by key for each, whatever the statistics say.
SELECT g.question, a.run_id, a.interaction_id, i.attempt, i.output, i.tokens_in + i.tokens_out AS tokens, i.service_us
FROM unnest(%(questions)s::bytea[]) AS g (question)
CROSS JOIN LATERAL (
    SELECT run_id, interaction_id FROM answers WHERE question = g.question
    OFFSET 0
) AS a
CROSS JOIN LATERAL (
    SELECT attempt, output, tokens_in, tokens_out, service_us FROM interactions
    WHERE run_id = a.run_id AND interaction_id = a.interaction_id
      AND state = 'completed' AND in_force AND rule IS NULL AND NOT erased
    OFFSET 0
) AS i
