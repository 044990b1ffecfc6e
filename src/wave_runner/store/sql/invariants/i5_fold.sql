-- Each interaction is what its events say: its state, the number of its newest event, how often it was begun.
WITH told AS (
    SELECT run_id, interaction_id, max(seq) AS seq,
           count(*) FILTER (WHERE type = 'interaction_started') AS attempt,
           (array_agg(CASE type
                WHEN 'interaction_started' THEN 'running' WHEN 'interaction_waiting' THEN 'waiting'
                WHEN 'interaction_completed' THEN 'completed' WHEN 'interaction_failed' THEN 'failed'
                WHEN 'interaction_quarantined' THEN 'quarantined' WHEN 'interaction_skipped' THEN 'skipped'
                WHEN 'interaction_cancelled' THEN 'cancelled' WHEN 'interaction_invalidated' THEN 'invalidated'
                ELSE 'pending' END ORDER BY seq DESC)
            FILTER (WHERE type IN (
                'interaction_started', 'interaction_waiting', 'interaction_completed', 'interaction_failed',
                'interaction_quarantined', 'interaction_skipped', 'interaction_retry_scheduled', 'interaction_released',
                'interaction_lease_expired', 'interaction_unblocked', 'interaction_cancelled', 'interaction_retried', 'interaction_invalidated')))[1] AS state
    FROM interaction_events
    WHERE interaction_id IS NOT NULL
    GROUP BY run_id, interaction_id
)
SELECT i.run_id, i.interaction_id,
       i.state || ', attempt ' || i.attempt || ', event ' || i.seq || '; its events say '
       || coalesce(t.state, 'pending') || ', ' || coalesce(t.attempt, 0) || ', ' || coalesce(t.seq, 0) AS says
FROM interactions i LEFT JOIN told t USING (run_id, interaction_id)
WHERE i.seq <> coalesce(t.seq, 0) OR i.attempt <> coalesce(t.attempt, 0)
   OR (t.state IS NULL AND i.state NOT IN ('pending', 'blocked'))
   OR (t.state IS NOT NULL AND i.state::text <> t.state)
