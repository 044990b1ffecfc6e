-- Of a record that was erased nothing is left, wherever anything of a record can stand; and of what is said to be erased by itself neither.
WITH erased AS MATERIALIZED (
    SELECT DISTINCT e.record_id FROM erasures e WHERE e.erased_at IS NOT NULL
), own AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id, i.record_id, i.erased, i.error FROM erased JOIN interactions i USING (record_id)
)
SELECT NULL::bigint AS run_id, NULL::bigint AS interaction_id, 'record ' || record_id || ' was erased, and has its key still' AS says
FROM erased JOIN records USING (record_id)
WHERE key NOT LIKE 'erased-%%'
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and is not erased' FROM own WHERE NOT erased
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and its error speaks still' FROM own WHERE error <> 'erased'
UNION ALL
SELECT p.run_id, p.interaction_id, 'of an erased record, and its ' || p.role || ' is there still'
FROM own JOIN payloads p USING (run_id, interaction_id)
WHERE p.content IS NOT NULL
UNION ALL
SELECT v.run_id, v.interaction_id, 'of an erased record, and what stood there before is there still'
FROM erased JOIN value_writes v USING (record_id) JOIN payloads p ON p.run_id = v.run_id AND p.payload_id = v.before_payload_id
WHERE p.content IS NOT NULL
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and its task says still what it is about'
FROM own JOIN tasks t USING (run_id, interaction_id)
WHERE t.title <> 'erased' OR t.draft IS NOT NULL
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and what ' || d.person || ' has said is there still'
FROM own JOIN decisions d USING (run_id, interaction_id)
WHERE d.answer <> 'null' OR d.comment <> 'erased'
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and its answer can be given again'
FROM own JOIN answers a USING (run_id, interaction_id)
UNION ALL
SELECT run_id, interaction_id, 'of an erased record, and what was expected of it is there still'
FROM own JOIN counterparts c USING (run_id, interaction_id)
WHERE c.expected IS NOT NULL
UNION ALL
SELECT s.run_id, s.interaction_id, 'staged row ' || s.staged_id || ' is of an erased record, and is there still'
FROM erased JOIN staged_records s USING (record_id)
WHERE s.raw IS NOT NULL OR s.position IS NOT NULL OR s.source <> 'erased'
   OR EXISTS (SELECT FROM jsonb_array_elements(s.errors) AS found WHERE found ->> 'message' <> 'erased')
UNION ALL
SELECT v.run_id, v.interaction_id, 'of an erased record, and the hash of ' || v.table_name || '.' || v.column_name || ' is there still'
FROM erased JOIN value_writes v USING (record_id)
WHERE v.after_sha256 IS NOT NULL
UNION ALL
SELECT r.run_id, NULL, 'record ' || r.record_id || ' was erased, and the run says still what it has read or what is wrong with it'
FROM erased JOIN run_records r USING (record_id)
WHERE r.read_hash IS NOT NULL OR r.broken <> '["erased"]'
