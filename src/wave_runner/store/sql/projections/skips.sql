-- The entries that somebody lets this projection skip, said in the log itself.
SELECT (data::json ->> 'index')::bigint AS log_index
FROM interaction_events
WHERE run_id = 0 AND type = 'projection_event_skipped' AND data::json ->> 'projection' = %(name)s
