-- A page of a run's records, in the order in which they came, and how each stands in each step: what counts, and of an experiment all.
-- One row for each state that a record has in a step; a record that has none has one with nulls.
WITH page AS MATERIALIZED (
    SELECT record_id, state FROM run_records
    WHERE run_id = %(run_id)s AND record_id > %(after)s
    ORDER BY record_id
    LIMIT %(limit)s
)
SELECT page.record_id, r.key, page.state AS verdict, s.name AS step, i.state::text AS state, i.n, i.interaction_id
FROM page
JOIN records r USING (record_id)
LEFT JOIN LATERAL (
    SELECT run_step_id, state, count(*) AS n, max(interaction_id) AS interaction_id
    FROM interactions
    WHERE record_id = page.record_id AND run_id = %(run_id)s
      AND (in_force OR EXISTS (SELECT FROM workflow_runs w WHERE w.run_id = %(run_id)s AND w.kind <> 'run'))
    GROUP BY run_step_id, state
) AS i ON true
LEFT JOIN run_steps rs ON rs.run_step_id = i.run_step_id
LEFT JOIN steps s USING (step_id)
ORDER BY page.record_id, rs.position, i.state
