-- Answers that were recorded before it was known that many records got the same one. They stay completed, and what came
-- of them stays too; but their records are judged once more, and with a rule at one of their steps they are not done.
-- Whatever the verdict was is taken back: a settler at the same moment holds the row, and this waits for it.
WITH doubted AS (
    UPDATE interactions i SET seq = i.seq + 1, rule = %(rule)s
    WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
      AND i.state = 'completed' AND i.rule IS NULL
    RETURNING i.run_id, i.interaction_id, i.record_id, i.seq, i.correlation_id, i.run_step_id
), logged AS (
    INSERT INTO interaction_events
        (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, wave_id, correlation_id, runner_id,
         step, actor, definition, data, sha256)
    SELECT d.run_id, 1, 'interaction_doubted', d.interaction_id, d.seq, d.interaction_id, d.seq - 1, %(wave_id)s,
           d.correlation_id, %(runner_id)s, s.name, a.name, def.sha256, %(data)s, sha256(convert_to(%(data)s, 'UTF8'))
    FROM doubted d
    JOIN run_steps rs ON rs.run_step_id = d.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions def ON def.definition_id = rs.definition_id
), forgotten AS (
    -- What was recorded for another one and given to these: nobody who asks the same is to get it again.
    DELETE FROM answers a
    USING doubted d JOIN hits h ON h.run_id = d.run_id AND h.interaction_id = d.interaction_id
    WHERE a.run_id = h.source_run_id AND a.interaction_id = h.source_id
)
UPDATE run_records r SET state = 'ended', broken = NULL, settled_at = NULL
FROM doubted d
WHERE r.run_id = d.run_id AND r.record_id = d.record_id AND r.state <> 'live'
