WITH wrong AS (
    SELECT s.name AS step, i.* FROM interactions i JOIN run_steps USING (run_id, run_step_id) JOIN steps s USING (step_id)
    WHERE run_id = %(run_id)s AND state IN ('failed', 'quarantined')
), kinds AS (
    SELECT step, state, rule, count(*) AS n, count(DISTINCT record_id) AS records, sum(attempt) - count(*) FILTER (WHERE attempt > 0) AS retries
    FROM wrong GROUP BY step, state, error_class, rule
)
SELECT jsonb_build_object('run_id', %(run_id)s, 'errors', jsonb_build_object(
    'patterns', (SELECT jsonb_agg(jsonb_build_object('n', n, 'records', records, 'retries', retries) ORDER BY n DESC, step, state::text, rule) FROM kinds),
    'recent', (SELECT jsonb_agg(jsonb_build_object('interaction_id', interaction_id, 'attempt', attempt) ORDER BY finished_at DESC) FROM wrong)))
