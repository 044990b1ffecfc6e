-- What has gone wrong in the newest runs, by its cause: the settled failures, what waits for another try after one, and answers that are
-- doubted. With each comes the newest interaction that it concerns, and what was said there. OFFSET 0: run by run, by the index of
-- what is in trouble.
WITH newest AS MATERIALIZED (
    SELECT r.run_id, w.name AS workflow
    FROM workflow_runs r JOIN workflows w USING (workflow_id)
    WHERE r.kind = 'run' AND (%(workflow)s::text IS NULL OR w.name = %(workflow)s)
    ORDER BY r.run_id DESC
    LIMIT %(runs)s
), causes AS MATERIALIZED (
    SELECT n.workflow, s.name AS step, a.name AS actor,
           CASE i.state WHEN 'pending' THEN 'retrying' WHEN 'completed' THEN 'doubted' ELSE i.state::text END AS state,
           i.error_class, i.rule, count(*) AS n, count(DISTINCT i.record_id) AS records, count(DISTINCT i.run_id) AS runs,
           min(i.run_id) AS first_run_id, max(i.finished_at) AS newest, max(ARRAY[i.run_id, i.interaction_id]) AS last
    FROM newest n
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
    GROUP BY n.workflow, s.name, a.name, i.state, i.error_class, i.rule
    ORDER BY n DESC, step, state
    LIMIT %(limit)s
)
SELECT c.workflow, c.step, c.actor, c.state, c.error_class, c.rule, c.n, c.records, c.runs, c.first_run_id, c.newest,
       c.last[1] AS last_run_id, c.last[2] AS interaction_id, i.error
FROM causes c
JOIN interactions i ON i.run_id = c.last[1] AND i.interaction_id = c.last[2]
ORDER BY c.n DESC, c.step, c.state, c.rule
