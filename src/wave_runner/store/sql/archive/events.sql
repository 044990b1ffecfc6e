-- Events, a row each, with their place in the log; what is not sealed yet has none.
COPY (
    SELECT e.run_id, e.event_id, l.log_index, e.interaction_id, e.seq, e.type, e.cause_interaction_id, e.cause_seq, e.correlation_id,
           e.wave_id, e.runner_id, e.step, e.actor, encode(e.definition, 'hex') AS definition, e.recorded_at, e.db_user, e.data
    FROM interaction_events e
    LEFT JOIN event_log l ON l.run_id = e.run_id AND l.event_id = e.event_id
    WHERE e.run_id >= %(first_run)s AND e.run_id < %(following)s
    ORDER BY e.event_id
) TO STDOUT (FORMAT csv, HEADER)
