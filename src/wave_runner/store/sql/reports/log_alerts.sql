-- What is wrong with the log at this moment: it is stopped, its checkpoints do not get out, or nobody signs what is sealed.
SELECT 'log_stopped' AS kind, origin AS subject, stopped_at AS since, stopped || ': ' || stopped_because AS message
FROM log_state WHERE stopped IS NOT NULL
UNION ALL
SELECT 'log_troubled', origin, troubled_at, trouble FROM log_state WHERE trouble IS NOT NULL
UNION ALL
SELECT 'log_unsigned', s.origin, c.signed_at,
       'nobody who seals has the key that signs: ' || s.next_index - c.size || ' entries are not signed'
FROM log_state s
CROSS JOIN LATERAL (SELECT size, signed_at FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS c
WHERE s.stopped IS NULL AND s.next_index > c.size AND c.signed_at < clock_timestamp() - make_interval(secs => %(patience_s)s)
ORDER BY since
