-- A slot of a model server never had two waves at once, and no wave worked with another model than its visit's.
SELECT NULL::bigint AS run_id, NULL::bigint AS interaction_id,
       'waves ' || before_wave || ' and ' || wave_id || ' were both open on slot ' || slot || ' of ' || server AS says
FROM (
    SELECT wave_id, server, slot, opened_at, lag(wave_id) OVER line AS before_wave, lag(closed_at) OVER line AS before_closed
    FROM waves WHERE server IS NOT NULL
    WINDOW line AS (PARTITION BY server, slot ORDER BY wave_id)
) AS waves_of_a_slot
-- A wave that is closing when the next one is opened takes its time a moment before.
WHERE before_wave IS NOT NULL AND (before_closed IS NULL OR opened_at < before_closed - interval '1 second')
