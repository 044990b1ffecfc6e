-- pending → running: handed to the actor, with the commitment of exactly what it is given. Only what this wave has claimed is
-- begun, and only while it is open: its row is locked, so that no sweeper closes it meanwhile.
-- The event is caused by the one before it: of this interaction, or the parent's event that created it.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(inputs)s::text[], %(nonces)s::bytea[], %(data)s::text[],
                         %(steps)s::text[], %(actors)s::text[], %(definitions)s::bytea[])
        AS g (run_id, interaction_id, input, nonce, data, step, actor, definition)
), wave AS MATERIALIZED (
    SELECT wave_id FROM waves WHERE wave_id = %(wave_id)s AND closed_at IS NULL FOR KEY SHARE
), started AS (
    UPDATE interactions i
    SET state = 'running', wave_id = %(wave_id)s, attempt = i.attempt + 1, seq = i.seq + 1, input = g.input, input_nonce = g.nonce,
        started_at = clock_timestamp(), error_class = NULL, rule = NULL, error = NULL
    FROM given g
    WHERE i.run_id = g.run_id AND i.interaction_id = g.interaction_id
      -- A condition in a CASE is none that the planner counts on: else it expects one row, and compares each with each.
      AND CASE i.state WHEN 'pending' THEN EXISTS (
              SELECT FROM claimed c
              WHERE c.wave_id = (SELECT wave_id FROM wave) AND c.interaction_id = i.interaction_id
              OFFSET 0) END
    RETURNING i.run_id, i.interaction_id, i.run_step_id, i.seq, i.correlation_id, i.parent_id, i.parent_seq,
              g.data, g.step, g.actor, g.definition
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT run_id, 1, 'interaction_started', interaction_id, seq,
           CASE WHEN seq = 1 THEN parent_id ELSE interaction_id END, CASE WHEN seq = 1 THEN parent_seq ELSE seq - 1 END,
           %(wave_id)s, correlation_id, %(runner_id)s, step, actor, definition, data, sha256(convert_to(data, 'UTF8'))
    FROM started
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, change.state, change.sign * count(*)
    FROM started CROSS JOIN (VALUES ('pending'::interaction_state, -1), ('running', 1)) AS change (state, sign)
    GROUP BY run_id, run_step_id, change.state, change.sign
)
SELECT interaction_id FROM started
