-- What events of some runs say of values that were changed, and is not signed yet: in no entry so far, or in one behind what is signed.
SELECT e.data
FROM interaction_events e LEFT JOIN event_log l ON l.event_id = e.event_id
WHERE e.run_id = ANY (%(run_ids)s::bigint[]) AND e.type = 'values_written' AND (l.log_index IS NULL OR l.log_index >= %(size)s)
