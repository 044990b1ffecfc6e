-- How the steps of a run stood as far as an index of the log says: each interaction is where its last event before it has left it.
-- Left out is what did not count then.
WITH told AS (
    SELECT e.interaction_id, max(e.step) AS step,
           max(ARRAY[e.seq, array_position(%(types)s::event_type[], e.type)])
               FILTER (WHERE e.type = ANY (%(types)s::event_type[])) AS moved,
           max(ARRAY[e.seq, (e.type = 'interaction_restored')::int])
               FILTER (WHERE e.type IN ('interaction_set_aside', 'interaction_superseded', 'interaction_restored')) AS force,
           bool_or(e.type = 'interaction_invalidated') AS invalidated
    FROM interaction_events e JOIN event_log l USING (event_id)
    WHERE e.run_id = %(run_id)s AND e.interaction_id IS NOT NULL AND l.log_index < %(before)s
    GROUP BY e.interaction_id
)
SELECT step, CASE WHEN invalidated THEN 'invalidated' ELSE (%(states)s::text[])[moved[2]] END AS state, count(*) AS n
FROM told
WHERE coalesce(force[2] = 1, true)
GROUP BY 1, 2
ORDER BY 1, 2
