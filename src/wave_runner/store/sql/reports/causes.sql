-- What has gone wrong in each of some runs, by its cause: the settled failures, what waits for another try after one, and answers that are
-- doubted. With each come the newest interaction that it concerns, and its records where they are few. OFFSET 0: run by run, by the
-- index of what is in trouble.
SELECT i.run_id, s.name AS step, a.name AS actor,
       CASE i.state WHEN 'pending' THEN 'retrying' WHEN 'completed' THEN 'doubted' ELSE i.state::text END AS state,
       i.error_class, i.rule, count(*) AS n, count(DISTINCT i.record_id) AS records,
       CASE WHEN count(DISTINCT i.record_id) <= %(most)s
            THEN coalesce(array_agg(DISTINCT i.record_id) FILTER (WHERE i.record_id IS NOT NULL), '{}') END AS record_ids,
       max(i.finished_at) AS newest, max(i.interaction_id) AS interaction_id
FROM unnest(%(run_ids)s::bigint[]) AS n (run_id)
CROSS JOIN LATERAL (
    SELECT run_id, interaction_id, run_step_id, record_id, state, error_class, rule, finished_at FROM interactions
    WHERE run_id = n.run_id AND (error IS NOT NULL OR rule IS NOT NULL)
      AND (state IN ('failed', 'quarantined') OR (state = 'pending' AND error_class IS NOT NULL)
           OR (state = 'completed' AND rule IS NOT NULL))
    OFFSET 0
) AS i
JOIN run_steps rs ON rs.run_step_id = i.run_step_id
JOIN steps s USING (step_id)
JOIN actors a USING (actor_id)
GROUP BY i.run_id, s.name, a.name, i.state, i.error_class, i.rule
