-- A chunk of what is left of some steps, or of one record in them, → cancelled, whoever holds it: the wave stays on the row as the fence that a late
-- result meets. What waits for people is given by its id, since its task is locked first, and so is what a person has picked; what
-- is blocked goes when what it waits for has settled.
WITH given AS MATERIALIZED (
    SELECT run_id, interaction_id, state AS was FROM interactions
    WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(given)s::bigint[])
      AND state IN ('pending', 'running', 'waiting')
    ORDER BY run_id, interaction_id
    FOR UPDATE
), front AS MATERIALIZED (
    SELECT run_id, interaction_id, state AS was FROM interactions
    WHERE run_id = ANY (%(run_ids)s::bigint[]) AND run_step_id = ANY (%(run_step_ids)s::bigint[])
      AND (%(record_id)s::bigint IS NULL OR record_id = %(record_id)s)
      AND (run_id, interaction_id) > (%(after_run)s, %(after)s) AND state IN ('pending', 'running')
    ORDER BY run_id, interaction_id
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT * FROM given UNION ALL SELECT * FROM front
), cancelled AS (
    UPDATE interactions i
    SET state = 'cancelled', seq = i.seq + 1, ready_at = NULL, suspect = NULL, finished_at = clock_timestamp(),
        error_class = NULL, rule = NULL, error = %(error)s
    FROM chosen c
    WHERE i.run_id = c.run_id AND i.interaction_id = c.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.item, i.iteration, i.generation,
              i.rank, i.seq, i.queue_id, i.wave_id, i.parent_id, i.parent_seq, c.was
), taken AS (
    DELETE FROM claimable
    WHERE ctid = ANY (ARRAY(
        SELECT k.ctid
        FROM cancelled c
        CROSS JOIN LATERAL (
            SELECT ctid FROM claimable
            WHERE queue_id = c.queue_id AND rank = c.rank AND interaction_id = c.interaction_id
            OFFSET 0
            FOR UPDATE SKIP LOCKED -- whoever is just claiming it takes it away, and may wait for the interaction
        ) AS k
        WHERE c.was = 'pending'))
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT c.run_id, 1, 'interaction_cancelled', c.interaction_id, c.seq,
           CASE WHEN c.seq = 1 THEN c.parent_id ELSE c.interaction_id END,
           CASE WHEN c.seq = 1 THEN c.parent_seq ELSE c.seq - 1 END,
           c.wave_id, c.correlation_id, %(runner_id)s, s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM cancelled c
    JOIN run_steps rs ON rs.run_step_id = c.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, was, -count(*) FROM cancelled GROUP BY run_id, run_step_id, was
    UNION ALL
    SELECT run_id, run_step_id, 'cancelled', count(*) FROM cancelled GROUP BY run_id, run_step_id
)
SELECT run_id, interaction_id, run_step_id, record_id, correlation_id, item, iteration, generation, rank, seq, was::text AS was
FROM cancelled
