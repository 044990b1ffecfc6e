-- The live counts are what a count of the interactions gives: of those in force, and of experiments, of which none is. Those of runs
-- whose history was dropped are what is left of it. What is kept of a run that has ended is what a count gives, as long as it is read.
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
UNION ALL
SELECT k.run_id, NULL, 'kept are ' || kept.found || ', and there are ' || there.found
FROM kept_sums k
CROSS JOIN LATERAL (
    SELECT format('%%s attempts, %%s completed interactions, %%s records, %%s completed records, %%s staged rows, %%s calls', sum((w ->> 'attempts')::bigint),
                  sum((w ->> 'completed')::bigint), k.sums::json -> 'records' ->> 'total', k.sums::json -> 'records' ->> 'completed',
                  k.sums::json -> 'staged' ->> 'total', k.details::json -> 'costs' -> 'step' -> 0 ->> 'calls') AS found
    FROM json_array_elements(k.sums::json -> 'work') AS w
) AS kept
CROSS JOIN LATERAL (
    SELECT format('%%s attempts, %%s completed interactions, %%s records, %%s completed records, %%s staged rows, %%s calls', i.attempts, i.completed, r.n,
                  r.completed, (SELECT count(*) FROM staged_records WHERE run_id = k.run_id),
                  (SELECT count(*) FROM ledger WHERE run_id = k.run_id)) AS found
    FROM (
        SELECT sum(attempt) AS attempts, count(*) FILTER (WHERE state = 'completed') AS completed
        FROM interactions WHERE run_id = k.run_id
    ) AS i
    CROSS JOIN (
        SELECT count(*) AS n, count(*) FILTER (WHERE state = 'completed') AS completed FROM run_records WHERE run_id = k.run_id
    ) AS r
) AS there
WHERE kept.found <> there.found
