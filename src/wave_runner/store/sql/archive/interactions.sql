-- Interactions, a row each; without their contents, which an erasure must reach.
COPY (
    SELECT i.run_id, i.interaction_id, s.name AS step, a.name AS actor, i.record_id, i.correlation_id, i.item, i.iteration, i.parent_id,
           i.state, i.in_force, i.superseded_by, i.attempt, i.errors, i.crashes, i.error_class, i.rule, i.tokens_in, i.tokens_out,
           i.service_us, i.created_at, i.started_at, i.finished_at
    FROM interactions i
    JOIN run_steps rs USING (run_step_id)
    JOIN steps s USING (step_id)
    JOIN actors a USING (actor_id)
    WHERE i.run_id >= %(first_run)s AND i.run_id < %(following)s
    ORDER BY i.run_id, i.interaction_id
) TO STDOUT (FORMAT csv, HEADER)
