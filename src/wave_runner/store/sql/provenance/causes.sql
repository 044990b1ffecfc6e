-- The chain of causes that ends with an event, the first cause first.
WITH RECURSIVE chain AS (
    SELECT e.*, 0 AS depth FROM interaction_events e
    WHERE e.run_id = %(run_id)s AND e.interaction_id = %(interaction_id)s AND e.seq = %(seq)s
    UNION ALL
    SELECT e.*, chain.depth + 1
    FROM chain
    JOIN interaction_events e
        ON e.run_id = chain.run_id AND e.interaction_id = chain.cause_interaction_id AND e.seq = chain.cause_seq
    -- What the cause of an event must be: older. A ring, which somebody would have to forge, ends here.
    WHERE e.event_id < chain.event_id
)
SELECT interaction_id, seq, cause_interaction_id, cause_seq, event_id, type::text AS type, step, recorded_at, data, sha256
FROM chain
ORDER BY depth DESC
