-- How the records of a run stood as far as an index of the log says: by the last verdict, or what took it back. Records of which
-- nothing had begun have no event.
WITH events AS (
    SELECT l.log_index, e.type, e.interaction_id, e.correlation_id, CASE WHEN e.type = 'records_settled' THEN e.data END AS data
    FROM interaction_events e JOIN event_log l USING (event_id)
    WHERE e.run_id = %(run_id)s AND l.log_index < %(before)s
      AND (e.interaction_id IS NOT NULL OR e.type IN ('run_started', 'records_settled'))
), facts AS (
    SELECT correlation_id, log_index,
           CASE WHEN type IN ('interaction_retried', 'interaction_doubted', 'interaction_superseded', 'interaction_restored',
                              'interaction_invalidated') THEN 'live' END AS verdict,
           type = 'run_started' AS is_run
    FROM events WHERE type <> 'records_settled'
    UNION ALL
    SELECT flow::uuid, log_index, verdict, false
    FROM events, (VALUES ('completed'), ('incomplete')) AS v (verdict),
         json_array_elements_text(data::json -> (verdict || '_flows')) AS flow
    WHERE type = 'records_settled'
), flows AS (
    SELECT coalesce((array_agg(verdict ORDER BY log_index DESC) FILTER (WHERE verdict IS NOT NULL))[1], 'live') AS state
    FROM facts
    GROUP BY correlation_id
    HAVING NOT bool_or(is_run)
)
SELECT state, count(*) AS n FROM flows GROUP BY state ORDER BY state
