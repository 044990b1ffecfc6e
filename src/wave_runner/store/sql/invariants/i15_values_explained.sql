-- Every value that was written, and every record that was promoted, can be explained: who did it is there, its events name
-- the definition that its run has pinned and commit to exactly the input and the output that are stored, and so does the
-- evidence of a model's call; what stood there before is stored. A commitment is looked for as the text it is in an event.
WITH done AS NOT MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.attempt, i.run_step_id, i.wave_id, a.kind, s.name AS step, d.sha256 AS definition,
           h.source_id, h.source_run_id, i.erased,
           '"input":"' || encode(sha256(i.input_nonce || convert_to(i.input, 'UTF8')), 'hex') || '"' AS input,
           '"output":"' || encode(sha256(i.output_nonce || convert_to(i.output, 'UTF8')), 'hex') || '"' AS output
    FROM interactions i
    JOIN run_steps rs ON rs.run_step_id = i.run_step_id
    JOIN steps s ON s.step_id = rs.step_id
    JOIN actors a ON a.actor_id = rs.actor_id
    JOIN definitions d ON d.definition_id = rs.definition_id
    LEFT JOIN hits h ON h.run_id = i.run_id AND h.interaction_id = i.interaction_id
    WHERE i.state = 'completed'
), calls AS NOT MATERIALIZED (
    SELECT * FROM done WHERE kind = 'ai_model' AND source_id IS NULL
), ended AS NOT MATERIALIZED (
    SELECT run_id, interaction_id, definition, data FROM interaction_events WHERE type = 'interaction_completed'
)
SELECT d.run_id, d.interaction_id,
       d.step || CASE WHEN e.data IS NULL THEN ' has ended, and no event says so'
                      WHEN e.definition IS DISTINCT FROM d.definition THEN ' was done as another definition than its run has pinned'
                      WHEN d.output IS NULL AND NOT d.erased THEN ' has an output that is not stored'
                      ELSE ' has another output than its event has committed to' END AS says
FROM done d LEFT JOIN ended e USING (run_id, interaction_id)
WHERE e.data IS NULL OR e.definition IS DISTINCT FROM d.definition OR (d.output IS NULL AND NOT d.erased) OR strpos(e.data, d.output) = 0
UNION ALL
SELECT d.run_id, d.interaction_id,
       d.step || CASE WHEN d.input IS NULL THEN ' has an input that is not stored' ELSE ' has another input than its event has committed to' END
FROM done d
LEFT JOIN interaction_events e
    ON e.run_id = d.run_id AND e.interaction_id = d.interaction_id AND e.type = 'interaction_started'
       AND e.definition = d.definition AND strpos(e.data, d.input) > 0
WHERE e.event_id IS NULL AND NOT d.erased
UNION ALL
SELECT c.run_id, c.interaction_id, c.step || ': the weights that have answered are not recorded'
FROM calls c LEFT JOIN waves w ON w.wave_id = c.wave_id LEFT JOIN visits v ON v.visit_id = w.visit_id
WHERE v.visit_id IS NULL
UNION ALL
SELECT c.run_id, c.interaction_id, c.step || ': the ' || kept.role
       || CASE WHEN p.payload_id IS NULL THEN ' is not stored' ELSE ' is not what its event has committed to' END
FROM calls c
CROSS JOIN unnest(ARRAY['request', 'answer']) AS kept (role)
LEFT JOIN payloads p
    ON p.run_id = c.run_id AND p.interaction_id = c.interaction_id AND p.attempt = c.attempt AND p.role = kept.role
LEFT JOIN ended e ON e.run_id = c.run_id AND e.interaction_id = c.interaction_id
WHERE p.payload_id IS NULL OR strpos(e.data, encode(sha256(p.nonce || p.content), 'hex')) = 0
UNION ALL
SELECT d.run_id, d.interaction_id, d.step || ': the call whose answer it was given is not there'
FROM done d LEFT JOIN interactions s ON s.run_id = d.source_run_id AND s.interaction_id = d.source_id
WHERE d.source_id IS NOT NULL AND s.interaction_id IS NULL
  AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE d.source_run_id >= g.first_run AND d.source_run_id < g.following)
UNION ALL
SELECT d.run_id, d.interaction_id, d.step || ': nobody''s decision is recorded'
FROM done d LEFT JOIN decisions p USING (run_id, interaction_id)
WHERE d.kind = 'human' AND p.person IS NULL
UNION ALL
SELECT d.run_id, d.interaction_id, 'a decision of ' || d.person || ' stands here, and no event speaks of it'
FROM decisions d
WHERE NOT EXISTS (
    SELECT FROM interaction_events e
    WHERE e.run_id = d.run_id AND e.interaction_id = d.interaction_id AND e.type IN ('task_decided', 'task_sent_back')
      AND e.data::json ->> 'person' = d.person AND (e.data::json ->> 'round')::integer = d.round)
UNION ALL
SELECT d.run_id, d.interaction_id, 'what ' || d.person || ' has decided is not what its event has committed to'
FROM decisions d
JOIN interaction_events e
    ON e.run_id = d.run_id AND e.interaction_id = d.interaction_id AND e.type IN ('task_decided', 'task_sent_back')
       AND e.data::json ->> 'person' = d.person AND (e.data::json ->> 'round')::integer = d.round
JOIN payloads p
    ON p.run_id = d.run_id AND p.interaction_id = d.interaction_id AND p.role = 'answer' AND p.content IS NOT NULL
       AND strpos(e.data, encode(sha256(p.nonce || p.content), 'hex')) > 0
-- OFFSET 0: only what people have said is read so, and not what else is kept as an answer.
CROSS JOIN LATERAL (SELECT convert_from(p.content, 'UTF8')::json AS word OFFSET 0) AS said
WHERE (said.word -> 'answer')::text <> coalesce(d.answer, 'null') OR said.word ->> 'comment' <> coalesce(d.comment, '')
UNION ALL
SELECT rs.run_id, NULL, s.name || ': what it has pinned is not stored: ' || pinned.sha256
FROM run_steps rs
JOIN steps s ON s.step_id = rs.step_id
-- OFFSET 0: only pinned steps are read as JSON, and not every definition before it is known which of them are.
CROSS JOIN LATERAL (SELECT convert_from(d.body, 'UTF8')::json AS step FROM definitions d WHERE d.definition_id = rs.definition_id OFFSET 0) AS read
CROSS JOIN LATERAL (
    SELECT read.step ->> name AS sha256 FROM unnest(ARRAY['prompt_sha256', 'output_sha256', 'script_sha256', 'sql_sha256']) AS name
) AS pinned
WHERE pinned.sha256 <> '' AND NOT EXISTS (SELECT FROM definitions x WHERE x.sha256 = decode(pinned.sha256, 'hex'))
UNION ALL
SELECT v.run_id, v.interaction_id, v.table_name || '.' || v.column_name || ' of record ' || v.record_id
       || CASE WHEN i.interaction_id IS NULL THEN ': who has written it is not there'
               WHEN p.payload_id IS NULL THEN ': what stood there before is not stored'
               ELSE ': what stood there before is not what its hash says' END
FROM value_writes v
LEFT JOIN interactions i USING (run_id, interaction_id)
LEFT JOIN payloads p ON p.run_id = v.run_id AND p.payload_id = v.before_payload_id
WHERE i.interaction_id IS NULL
   OR (v.before_payload_id IS NOT NULL AND (p.payload_id IS NULL OR sha256(p.content) <> v.before_sha256))
UNION ALL
SELECT r.run_id, r.decider_id, 'staged row ' || r.staged_id || ' was promoted, and who has decided that is not there'
FROM staged_records r LEFT JOIN interactions i ON i.run_id = r.run_id AND i.interaction_id = r.decider_id
WHERE r.state IN ('promoted', 'updated') AND r.decided_by IS NULL AND i.interaction_id IS NULL
