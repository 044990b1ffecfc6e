-- Where the log speaks of values that were changed in some runs, by their commitments.
SELECT l.log_index
FROM interaction_events e JOIN event_log l USING (event_id)
WHERE e.run_id = ANY (%(run_ids)s::bigint[]) AND e.type = 'values_written' AND l.log_index < %(size)s
  AND EXISTS (SELECT FROM unnest(%(commitments)s::text[]) AS c WHERE strpos(e.data, c) > 0)
