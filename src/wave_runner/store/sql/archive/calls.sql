-- Calls of models, a row each, with what they have cost.
COPY (
    SELECT c.run_id, c.interaction_id, c.attempt, s.name AS step, a.name AS actor, c.record_id, c.fate, c.tokens_in, c.tokens_cached,
           c.tokens_out, c.service_us, c.token_money, c.machine_money
    FROM calls c
    JOIN run_steps rs USING (run_step_id)
    JOIN steps s USING (step_id)
    JOIN actors a USING (actor_id)
    WHERE c.run_id >= %(first_run)s AND c.run_id < %(following)s
    ORDER BY c.run_id, c.interaction_id, c.attempt
) TO STDOUT (FORMAT csv, HEADER)
