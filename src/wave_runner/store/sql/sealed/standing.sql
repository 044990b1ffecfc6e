-- How the log stands as a whole: numbers that are missing in it, its checkpoints, and batches that were sealed late. The first
-- event of a batch stands right after its header, and has waited longest, as far as ids tell.
SELECT clock_timestamp() AS asked_at,
       (SELECT s.next_index - count(l.log_index) FROM log_state s LEFT JOIN event_log l ON true GROUP BY s.next_index) AS holes,
       (SELECT count(*) FROM log_checkpoints) AS checkpoints,
       (SELECT min(signed_at) FROM log_checkpoints) AS first_signed_at,
       late.n AS late_batches, late.longest_s
FROM (
    SELECT count(*) FILTER (WHERE waited_s > %(late_s)s) AS n, coalesce(max(waited_s), 0)::float8 AS longest_s
    FROM (
        SELECT ((convert_from(h.entry, 'UTF8')::json ->> 'at')::bigint - (convert_from(f.entry, 'UTF8')::json ->> 'r')::bigint)
               / 1000000.0 AS waited_s
        FROM event_log h JOIN event_log f ON f.log_index = h.log_index + 1 AND f.kind = 0
        WHERE h.kind = 1
    ) AS batches
) AS late
