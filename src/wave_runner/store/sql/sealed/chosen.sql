-- Some entries of the log with the events that they seal.
SELECT l.log_index, l.entry,
       e.event_id, e.run_id, e.form, e.type::text, e.interaction_id, e.seq, e.cause_interaction_id, e.cause_seq, e.wave_id,
       e.correlation_id::text, e.runner_id::text, e.step, e.actor, encode(e.definition, 'hex'), e.data,
       (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.db_user
FROM event_log l LEFT JOIN interaction_events e ON e.run_id = l.run_id AND e.event_id = l.event_id
WHERE l.log_index = ANY (%(indexes)s::bigint[])
ORDER BY l.log_index
