-- A chunk of what has failed or was quarantined → pending, with fresh budgets; attempts are counted on, so that none is
-- overwritten. What has changed since it was chosen (`seqs`) is left alone. The records' locks come first, in one order, as wherever they change.
WITH front AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.record_id, i.wave_id, i.state AS was
    FROM unnest(%(ids)s::bigint[], %(seqs)s::int[]) AS g (interaction_id, seq)
    JOIN retryable i ON i.run_id = %(run_id)s AND i.interaction_id = g.interaction_id AND i.seq = g.seq
    ORDER BY i.interaction_id
    FOR UPDATE OF i
), retried AS (
    UPDATE interactions i
    SET state = 'pending', seq = i.seq + 1, errors = 0, crashes = 0, wave_id = NULL, suspect = NULL, ready_at = NULL,
        waits_since = clock_timestamp(), finished_at = NULL, error_class = NULL, rule = NULL, error = NULL
    FROM front f
    WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.item, i.iteration, i.generation,
              i.rank, i.seq, i.queue_id, f.was
), let_go AS (
    -- The wave that it ended in may still be open.
    DELETE FROM claimed
    WHERE ctid = ANY (ARRAY(
        SELECT k.ctid
        FROM front f
        CROSS JOIN LATERAL (
            SELECT ctid FROM claimed WHERE wave_id = f.wave_id AND interaction_id = f.interaction_id
            OFFSET 0
        ) AS k))
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM retried
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, correlation_id, step, actor, definition,
         data, sha256)
    SELECT t.run_id, 1, 'interaction_retried', t.interaction_id, t.seq, t.interaction_id, t.seq - 1, t.correlation_id,
           s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM retried t
    JOIN run_steps rs ON rs.run_step_id = t.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, was, -count(*) FROM retried GROUP BY run_id, run_step_id, was
    UNION ALL
    SELECT run_id, run_step_id, 'pending', count(*) FROM retried GROUP BY run_id, run_step_id
)
SELECT run_id, interaction_id, run_step_id, record_id, correlation_id, item, iteration, generation, rank, seq FROM retried
