-- What keeps ranges from being dropped: of which run or record first, and of how many.
WITH old AS MATERIALIZED (
    SELECT first_run, following FROM run_ranges WHERE first_run = ANY (%(ranges)s::bigint[])
)
SELECT o.first_run, 'not_ended' AS why, count(*) AS n, min(w.run_id)::text AS first
FROM old o JOIN workflow_runs w ON w.state = 'running'
WHERE w.run_id >= o.first_run AND w.run_id < o.following
   -- A shadow is given what a run of the range has come to, and its answers are held against that.
   OR EXISTS (SELECT FROM experiments x WHERE x.run_id = w.run_id AND x.source_run_id >= o.first_run AND x.source_run_id < o.following)
GROUP BY o.first_run
UNION ALL
SELECT o.first_run, 'not_judged', count(*), min(rr.run_id)::text
FROM old o JOIN run_records rr ON rr.run_id >= o.first_run AND rr.run_id < o.following
WHERE rr.state IN ('live', 'ended')
GROUP BY o.first_run
UNION ALL
-- A held record itself, or the recorded answer that it was given.
SELECT o.first_run, 'held', count(DISTINCT r.record_id), min(r.key)
FROM (
    SELECT rr.run_id, h.record_id FROM legal_holds h JOIN run_records rr USING (record_id)
    UNION
    SELECT x.source_run_id, h.record_id
    FROM legal_holds h JOIN interactions i USING (record_id) JOIN hits x USING (run_id, interaction_id)
) AS held
JOIN records r USING (record_id)
JOIN old o ON held.run_id >= o.first_run AND held.run_id < o.following
GROUP BY o.first_run
UNION ALL
-- An event that is in no entry, or in none that is signed: nobody could prove afterwards what it was.
SELECT o.first_run, 'not_signed', count(*), min(e.run_id)::text
FROM old o JOIN interaction_events e ON e.run_id >= o.first_run AND e.run_id < o.following
LEFT JOIN event_log l ON l.event_id = e.event_id
WHERE l.log_index IS NULL OR l.log_index >= (SELECT coalesce(max(size), 0) FROM log_checkpoints)
GROUP BY o.first_run
ORDER BY first_run, why
