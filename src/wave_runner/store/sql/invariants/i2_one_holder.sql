-- What began in a wave ended in that wave: no result was accepted from another one.
SELECT run_id, interaction_id,
       'began in wave ' || before_wave || ', and ' || type || ' came from wave ' || coalesce(wave_id::text, 'none') AS says
FROM (
    SELECT run_id, interaction_id, type, wave_id, lag(type) OVER line AS before, lag(wave_id) OVER line AS before_wave
    FROM interaction_events
    WHERE interaction_id IS NOT NULL
      AND type IN ('interaction_started', 'interaction_completed', 'interaction_failed', 'interaction_quarantined',
                   'interaction_retry_scheduled', 'interaction_released', 'interaction_lease_expired', 'interaction_waiting')
    WINDOW line AS (PARTITION BY run_id, interaction_id ORDER BY seq)
) AS moves
WHERE before = 'interaction_started' AND wave_id IS DISTINCT FROM before_wave
