WITH kinds AS (
    SELECT s.name AS step, i.state, i.rule, count(*) AS n, count(DISTINCT i.record_id) AS records, count(DISTINCT i.run_id) AS runs,
           min(i.run_id) AS first_run_id, max(i.run_id) AS last_run_id, max(i.interaction_id) AS interaction_id
    FROM interactions i JOIN run_steps USING (run_id, run_step_id) JOIN steps s USING (step_id)
    WHERE i.state IN ('failed', 'quarantined') GROUP BY s.name, i.state, i.error_class, i.rule
)
SELECT jsonb_build_object('of_runs', 20, 'rows', jsonb_agg(to_jsonb(k) - '{step,state,rule}'::text[] ORDER BY n DESC, step, state::text, rule))
FROM kinds k
