-- All events of some interactions, in their order, and what stands of the interactions themselves.
SELECT i.run_id, i.interaction_id, i.state::text AS is_state, i.in_force AS is_in_force, i.attempt AS is_attempt, i.seq AS is_seq,
       i.wave_id AS is_wave_id, i.run_id IN (SELECT run_id FROM experiments) AS is_of_experiment, e.form, e.type::text, e.seq, e.wave_id, e.correlation_id::text, e.step, e.data,
       (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS recorded_us
FROM interactions i LEFT JOIN interaction_events e USING (run_id, interaction_id)
WHERE i.run_id = ANY (%(run_ids)s::bigint[]) AND i.interaction_id = ANY (%(ids)s::bigint[])
ORDER BY i.run_id, i.interaction_id, e.seq
