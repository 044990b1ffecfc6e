-- The events of an interaction are numbered from 1 without a gap, and each of its moves is a legal one.
WITH lines AS (
    SELECT run_id, interaction_id, seq, type, lag(seq) OVER line AS before_seq
    FROM interaction_events WHERE interaction_id IS NOT NULL
    WINDOW line AS (PARTITION BY run_id, interaction_id ORDER BY seq)
), moves AS (
    SELECT run_id, interaction_id, type, lag(type) OVER line AS before
    FROM lines
    WHERE type IN ('interaction_started', 'interaction_waiting', 'interaction_completed', 'interaction_failed',
                   'interaction_quarantined', 'interaction_skipped', 'interaction_retry_scheduled', 'interaction_released',
                   'interaction_lease_expired', 'interaction_unblocked', 'interaction_cancelled', 'interaction_retried')
    WINDOW line AS (PARTITION BY run_id, interaction_id ORDER BY seq)
)
SELECT run_id, interaction_id, 'event ' || seq || ' follows event ' || coalesce(before_seq, 0) AS says
FROM lines WHERE seq <> coalesce(before_seq, 0) + 1
UNION ALL
SELECT run_id, interaction_id, type || ' follows ' || coalesce(before::text, 'nothing')
FROM moves
WHERE NOT CASE type
    WHEN 'interaction_started' THEN before IS NULL OR before IN (
        'interaction_retry_scheduled', 'interaction_released', 'interaction_lease_expired', 'interaction_unblocked',
        'interaction_retried')
    WHEN 'interaction_quarantined' THEN before IS NULL OR before IN (
        'interaction_started', 'interaction_retry_scheduled', 'interaction_released', 'interaction_lease_expired',
        'interaction_unblocked', 'interaction_retried')
    WHEN 'interaction_cancelled' THEN before IS NULL OR before IN (
        'interaction_started', 'interaction_waiting', 'interaction_retry_scheduled', 'interaction_released',
        'interaction_lease_expired', 'interaction_unblocked', 'interaction_retried')
    WHEN 'interaction_retried' THEN before IN ('interaction_failed', 'interaction_quarantined')
    WHEN 'interaction_completed' THEN before IN ('interaction_started', 'interaction_waiting')
    WHEN 'interaction_unblocked' THEN before IS NULL
    WHEN 'interaction_skipped' THEN before IS NULL
    ELSE before = 'interaction_started' END
