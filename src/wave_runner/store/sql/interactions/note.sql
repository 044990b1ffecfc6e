-- An event of an interaction that goes on running: staging written or decided, a chunk fanned out. The fence is the
-- wave, where one is given; a fan-out is fenced by its own row.
WITH noted AS (
    UPDATE interactions i SET seq = i.seq + 1
    WHERE i.run_id = %(run_id)s AND i.interaction_id = %(interaction_id)s
      AND (%(wave_id)s::bigint IS NULL OR (i.wave_id = %(wave_id)s AND i.state = 'running'))
    RETURNING i.run_id, i.interaction_id, i.seq, i.correlation_id, i.run_step_id
)
INSERT INTO interaction_events
    (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
     step, actor, definition, data, sha256)
SELECT n.run_id, 1, %(type)s::event_type, n.interaction_id, n.seq, n.interaction_id, n.seq - 1, %(wave_id)s,
       n.correlation_id, %(runner_id)s, s.name, a.name, d.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
FROM noted n
JOIN run_steps rs ON rs.run_step_id = n.run_step_id
JOIN steps s ON s.step_id = rs.step_id
JOIN actors a ON a.actor_id = rs.actor_id
JOIN definitions d ON d.definition_id = rs.definition_id
RETURNING seq
