SELECT jsonb_build_object('troubles', '[""]'::jsonb, 'integrity', jsonb_build_object(
    'log', jsonb_build_object(
        'size', size, 'signed_size', (SELECT max(c.size) FROM log_checkpoints c), 'unsealed', 0, 'behind_s', 0,
        'signed_age_s', (SELECT extract(epoch FROM clock_timestamp() - max(signed_at)) FROM log_checkpoints)),
    'checkpoints', (SELECT count(*) FROM log_checkpoints),
    'outside', jsonb_build_object('size', size),
    'witnesses', '[]'::jsonb, 'verifications', '[]'::jsonb, 'epochs', '[]'::jsonb, 'rotations', '[]'::jsonb, 'dropped', '[]'::jsonb,
    'holes', 0, 'late_batches', 0, 'longest_wait_s', (
        SELECT max((convert_from(header.entry, 'UTF8')::jsonb ->> 'at')::numeric / 1e6 - extract(epoch FROM recorded_at))
        FROM event_log e JOIN interaction_events USING (run_id, event_id)
        CROSS JOIN LATERAL (SELECT h.entry FROM event_log h WHERE h.kind = 1 AND h.log_index < e.log_index ORDER BY h.log_index DESC LIMIT 1) AS header),
     'cannot_prove', '["", "", "", "", "", "", ""]'::jsonb))
FROM (SELECT count(*) AS size FROM event_log) AS log
