-- Everything else that says something of a record. In the filters and parameters of runs its new key takes the place of the old
-- one; where rows that should not be there are quoted with the key, nothing is left of them.
WITH own AS MATERIALIZED (
    SELECT run_id, interaction_id FROM interactions WHERE record_id = %(record_id)s
), staged AS (
    UPDATE staged_records
    SET raw = NULL, position = NULL, source = 'erased',
        errors = coalesce((SELECT jsonb_agg(CASE jsonb_typeof(found) WHEN 'object' THEN found || '{"message": "erased"}' ELSE '"erased"' END)
                           FROM jsonb_array_elements(errors) AS found), '[]')
    WHERE record_id = %(record_id)s AND raw IS NOT NULL
    RETURNING staged_id
), asked AS (
    UPDATE tasks SET title = 'erased', draft = NULL
    WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM own) AND (title <> 'erased' OR draft IS NOT NULL)
    RETURNING interaction_id
), said AS (
    UPDATE decisions
    SET answer = CASE WHEN answer IS NOT NULL THEN 'null' END, comment = CASE WHEN comment IS NOT NULL THEN 'erased' END
    WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM own)
    RETURNING interaction_id
), answered AS (
    DELETE FROM answers WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM own)
    RETURNING question
), compared AS (
    UPDATE counterparts SET expected = NULL
    WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM own) AND expected IS NOT NULL
    RETURNING interaction_id
), flows AS (
    UPDATE run_records
    SET read_hash = NULL, broken = CASE WHEN broken IS NOT NULL THEN '["erased"]' END
    WHERE record_id = %(record_id)s
    RETURNING run_id
), cursors AS (
    UPDATE fan_outs
    SET after_key = CASE WHEN after_key <> %(key)s THEN after_key END,
        error = CASE WHEN strpos(error, %(key)s) > 0 THEN 'erased' ELSE error END
    WHERE closed_at IS NOT NULL AND (after_key = %(key)s OR strpos(error, %(key)s) > 0)
), runs AS (
    UPDATE workflow_runs
    SET params = replace(params, to_json(%(key)s::text)::text, to_json(%(new_key)s::text)::text),
        selection = replace(selection, to_json(%(key)s::text)::text, to_json(%(new_key)s::text)::text),
        broken = CASE WHEN strpos(broken, %(key)s) > 0 THEN '["erased"]' ELSE broken END
    WHERE strpos(params, to_json(%(key)s::text)::text) > 0 OR strpos(selection, to_json(%(key)s::text)::text) > 0
       OR strpos(broken, %(key)s) > 0
    RETURNING run_id
)
SELECT (SELECT count(*) FROM staged) AS staged_records, (SELECT count(*) FROM asked) AS tasks, (SELECT count(*) FROM said) AS decisions,
       (SELECT count(*) FROM answered) AS answers, (SELECT count(*) FROM compared) AS counterparts,
       (SELECT count(*) FROM flows) AS run_records, (SELECT count(*) FROM runs) AS workflow_runs
