-- The first rows that one copy has and the other has not.
WITH lines AS (
    SELECT projection_id, run_id, coalesce(correlation_id::text, '') AS flow,
           format('%%s after %%s attempts and %%s events, %%s of them trouble; %%s of step %%s; entries %%s to %%s; %%s to %%s; %%s', state,
                  attempts, events, troubles, coalesce(step_state::text, 'nothing'), coalesce(step, '-'), first_index, last_index,
                  (extract(epoch FROM begun_at) * 1000000)::bigint, (extract(epoch FROM changed_at) * 1000000)::bigint,
                  CASE WHEN whole_run THEN 'a run' ELSE 'a record' END) AS says
    FROM record_states WHERE projection_id IN (%(projection_id)s, %(beside)s)
    UNION ALL
    SELECT projection_id, run_id, 'the count of ' || state, format('%%s records are %%s', n, state)
    FROM record_counts WHERE projection_id IN (%(projection_id)s, %(beside)s) AND n <> 0
), apart AS (
    (SELECT run_id, flow, says FROM lines WHERE projection_id = %(projection_id)s
     EXCEPT
     SELECT run_id, flow, says FROM lines WHERE projection_id = %(beside)s)
), missing AS (
    (SELECT run_id, flow, says FROM lines WHERE projection_id = %(beside)s
     EXCEPT
     SELECT run_id, flow, says FROM lines WHERE projection_id = %(projection_id)s)
)
SELECT run_id, flow, a.says AS stands, m.says AS folded
FROM apart a FULL JOIN missing m USING (run_id, flow)
ORDER BY run_id, flow
LIMIT %(shown)s
