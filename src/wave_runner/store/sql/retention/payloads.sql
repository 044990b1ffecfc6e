-- A chunk of the payloads that are old enough. Returns the commitments of what is gone. A run that is just being made to go on is
-- waited for, and left alone then.
WITH kept AS (
    SELECT class, clock_timestamp() - make_interval(days => days) AS until
    FROM unnest(%(classes)s::text[], %(days)s::int[]) AS g (class, days)
), chosen AS MATERIALIZED (
    SELECT p.run_id, p.payload_id, sha256(p.nonce || p.content) AS commitment
    FROM kept k
    JOIN workflow_runs r ON r.ended_at < k.until
    JOIN payloads p ON p.run_id = r.run_id AND p.role = k.class AND p.content IS NOT NULL
    JOIN interactions i ON i.run_id = p.run_id AND i.interaction_id = p.interaction_id
    WHERE NOT EXISTS (SELECT FROM held_interactions h WHERE h.run_id = i.run_id AND h.interaction_id = i.interaction_id)
      AND NOT EXISTS (SELECT FROM legal_holds h JOIN value_writes v USING (record_id)
                      WHERE v.run_id = p.run_id AND v.before_payload_id = p.payload_id)
    ORDER BY p.run_id, p.payload_id
    LIMIT %(size)s
    FOR SHARE OF r
), gone AS (
    UPDATE payloads SET nonce = NULL, content = NULL
    WHERE (run_id, payload_id) IN (SELECT run_id, payload_id FROM chosen)
)
SELECT run_id, encode(commitment, 'hex') AS commitment FROM chosen
