-- What is old enough, by class: so many days since its run has ended.
WITH kept AS (
    SELECT class, clock_timestamp() - make_interval(days => days) AS until
    FROM unnest(%(classes)s::text[], %(days)s::int[]) AS g (class, days)
)
SELECT k.class, count(*) AS n
FROM kept k
JOIN workflow_runs r ON r.ended_at < k.until
CROSS JOIN LATERAL (
    SELECT p.interaction_id FROM payloads p
    WHERE p.run_id = r.run_id AND p.role = k.class AND p.content IS NOT NULL
      AND NOT EXISTS (SELECT FROM legal_holds h JOIN value_writes v USING (record_id)
                      WHERE v.run_id = p.run_id AND v.before_payload_id = p.payload_id)
    UNION ALL
    SELECT i.interaction_id FROM interactions i WHERE k.class = 'interaction' AND i.run_id = r.run_id AND NOT i.erased
) AS old
LEFT JOIN interactions i ON i.run_id = r.run_id AND i.interaction_id = old.interaction_id
WHERE NOT EXISTS (SELECT FROM held_interactions h WHERE h.run_id = i.run_id AND h.interaction_id = i.interaction_id)
GROUP BY k.class
UNION ALL
SELECT k.class, count(*)
FROM kept k
JOIN workflow_runs r ON k.class = 'staged' AND r.ended_at < k.until
JOIN staged_records s ON s.run_id = r.run_id AND s.raw IS NOT NULL AND s.state <> 'waiting'
WHERE NOT EXISTS (SELECT FROM legal_holds h WHERE h.record_id = s.record_id)
GROUP BY k.class
