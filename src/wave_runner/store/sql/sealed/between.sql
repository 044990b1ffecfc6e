-- The stretch of the log that holds every event that was recorded in a time; of those that were dropped, the entry says when that was.
SELECT min(log_index) AS first, max(log_index) + 1 AS end
FROM (
    SELECT l.log_index
    FROM interaction_events e JOIN event_log l USING (event_id)
    WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
    UNION ALL
    SELECT l.log_index
    FROM dropped_ranges g JOIN event_log l ON l.run_id >= g.first_run AND l.run_id < g.following
    WHERE (convert_from(l.entry, 'UTF8')::json ->> 'r')::bigint >= extract(epoch FROM %(since)s::timestamptz) * 1000000
      AND (convert_from(l.entry, 'UTF8')::json ->> 'r')::bigint < extract(epoch FROM %(until)s::timestamptz) * 1000000
) AS found
WHERE log_index < %(size)s
