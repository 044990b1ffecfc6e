-- Where the log speaks of values that were changed in some runs, by their commitments: in events no older than the first of these.
-- Each event is split at its quotes, since it may be anything, and a commitment is one of the pieces.
SELECT DISTINCT l.log_index
FROM interaction_events e
JOIN event_log l ON l.run_id = e.run_id AND l.event_id = e.event_id
CROSS JOIN LATERAL string_to_table(e.data, '"') AS said (commitment)
JOIN unnest(%(commitments)s::text[]) AS wanted (commitment) USING (commitment)
WHERE e.run_id = ANY (%(run_ids)s::bigint[]) AND e.type = 'values_written' AND l.log_index < %(size)s
  AND e.recorded_at >= to_timestamp(%(since_us)s / 1000000.0)
