-- What the wave had in hand is done, or was given back before. Gives no row where a sweeper was first.
WITH closed AS (
    UPDATE waves SET closed_at = clock_timestamp() WHERE wave_id = %(wave_id)s AND closed_at IS NULL
    RETURNING wave_id, runner_id
), let_go AS (
    DELETE FROM claimed WHERE wave_id = (SELECT wave_id FROM closed)
), logged AS (
    INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
    SELECT 0, 1, 'wave_closed', wave_id, runner_id, %(data)s, sha256(convert_to(%(data)s, 'UTF8')) FROM closed
)
SELECT wave_id FROM closed
