WITH wrote AS (
    SELECT s.name AS step, v.* FROM value_writes v JOIN interactions i USING (run_id, interaction_id, record_id)
    JOIN run_steps USING (run_id, run_step_id) JOIN steps s USING (step_id) WHERE run_id = %(run_id)s AND NOT is_intake
), targets (place, written) AS (
    VALUES (1, (SELECT count(DISTINCT record_id) FROM wrote WHERE table_name = 'items')),
           (2, (SELECT count(DISTINCT record_id) FROM wrote WHERE table_name = 'items' AND column_name = 'note')), (3, 0)
)
SELECT jsonb_build_object(
    'run_id', %(run_id)s,
    'executed', (SELECT count(DISTINCT record_id) FROM interactions WHERE run_id = %(run_id)s),
    'saved', (SELECT count(DISTINCT record_id) FROM wrote),
    'targets', (SELECT jsonb_agg(jsonb_build_object('before', 0, 'written', written) ORDER BY place) FROM targets),
    'savers', (
        SELECT jsonb_agg(jsonb_build_object(
            'executed', (SELECT count(*) FROM interactions i WHERE i.run_step_id = rs.run_step_id AND state = 'completed'),
            'saved', (SELECT count(DISTINCT interaction_id) FROM wrote WHERE step = s.name)) ORDER BY rs.position)
        FROM run_steps rs JOIN steps s USING (step_id) WHERE rs.run_id = %(run_id)s AND s.name IN ('save', 'late')))
