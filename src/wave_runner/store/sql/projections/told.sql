-- One entry's event, as folds read it. NULLs where the event is not there.
SELECT l.log_index, l.event_id, coalesce(e.run_id, 0) AS run_id, coalesce(e.form, 0) AS form, e.type::text, e.interaction_id, e.seq,
       e.wave_id, e.correlation_id::text, e.step, coalesce(e.data, '') AS data,
       coalesce((extract(epoch FROM e.recorded_at) * 1000000)::bigint, 0) AS recorded_us
FROM event_log l LEFT JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
WHERE l.log_index = %(log_index)s
