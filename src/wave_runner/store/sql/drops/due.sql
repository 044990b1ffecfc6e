-- Ranges that are to go and have not, and whether the log that is signed says so of each of them in full.
SELECT r.first_run, r.following, r.month, d.drop_id, d.requested_by, d.approved_by,
       (SELECT coalesce(bool_and(coalesce(l.log_index < (SELECT max(size) FROM log_checkpoints), false)), false)
        FROM interaction_events e LEFT JOIN event_log l ON l.run_id = e.run_id AND l.event_id = e.event_id
        WHERE e.run_id = 0 AND e.type = 'drop_ordered' AND e.correlation_id = d.drop_id) AS signed
FROM run_ranges r JOIN drops d USING (drop_id)
WHERE r.dropped_at IS NULL
ORDER BY r.first_run
