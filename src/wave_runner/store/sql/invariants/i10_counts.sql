-- The live counts are what a count of the interactions gives: of those in force, and of experiments, of which none is. Those of runs
-- whose history was dropped are what is left of it.
SELECT coalesce(c.run_id, i.run_id) AS run_id, NULL::bigint AS interaction_id,
       coalesce(c.n, 0) || ' are counted as ' || coalesce(c.state, i.state) || ', and there are ' || coalesce(i.n, 0) AS says
FROM (
    SELECT run_id, run_step_id, state, sum(n) AS n FROM (
        SELECT run_id, run_step_id, state, n FROM counts
        UNION ALL
        SELECT run_id, run_step_id, state, delta FROM count_deltas
    ) AS both_parts
    GROUP BY run_id, run_step_id, state
) AS c
FULL JOIN (
    SELECT run_id, run_step_id, state, count(*) AS n FROM interactions
    WHERE in_force OR run_id IN (SELECT run_id FROM experiments) GROUP BY run_id, run_step_id, state
) AS i USING (run_id, run_step_id, state)
WHERE coalesce(c.n, 0) <> coalesce(i.n, 0)
  AND NOT EXISTS (SELECT FROM dropped_ranges g WHERE coalesce(c.run_id, i.run_id) >= g.first_run AND coalesce(c.run_id, i.run_id) < g.following)
