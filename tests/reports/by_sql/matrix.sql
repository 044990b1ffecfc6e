WITH cells AS (
    SELECT i.record_id, s.name, max(interaction_id) AS interaction_id, min(state::text) AS state, count(*) AS n
    FROM interactions i JOIN run_steps USING (run_id, run_step_id) JOIN steps s USING (step_id)
    WHERE run_id = %(run_id)s GROUP BY 1, 2
)
SELECT jsonb_build_object(
    'run_id', %(run_id)s, 'steps', (SELECT jsonb_agg(true) FROM run_steps WHERE run_id = %(run_id)s),
    'rows', (SELECT jsonb_agg(jsonb_build_object('record_id', record_id, 'cells', (
        SELECT jsonb_object_agg(name, jsonb_build_object('interaction_id', interaction_id, 'states', jsonb_build_object(state, n)))
        FROM cells c WHERE c.record_id = r.record_id)) ORDER BY record_id) FROM run_records r WHERE run_id = %(run_id)s))
