-- Steps that cannot come any more because one before them is broken: each is there, skipped, and says what caused it.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        %(run_ids)s::bigint[], %(run_step_ids)s::bigint[], %(queue_ids)s::bigint[], %(record_ids)s::bigint[],
        %(correlation_ids)s::uuid[], %(items)s::int[], %(iterations)s::int[], %(generations)s::bigint[],
        %(parent_ids)s::bigint[], %(parent_seqs)s::int[], %(ranks)s::int[])
        AS g (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id,
              parent_seq, rank)
), made AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq, rank,
         state, seq, finished_at)
    SELECT run_id, run_step_id, queue_id, record_id, correlation_id, item, iteration, generation, parent_id, parent_seq,
           rank, 'skipped', 1, clock_timestamp()
    FROM given
    ORDER BY run_id, parent_id
    RETURNING run_id, interaction_id, run_step_id, correlation_id, parent_id, parent_seq
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT m.run_id, 1, 'interaction_skipped', m.interaction_id, 1, m.parent_id, m.parent_seq, %(wave_id)s,
           m.correlation_id, %(runner_id)s, s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM made m
    JOIN run_steps rs ON rs.run_step_id = m.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
)
INSERT INTO count_deltas (run_id, run_step_id, state, delta)
SELECT run_id, run_step_id, 'skipped', count(*) FROM made GROUP BY run_id, run_step_id
