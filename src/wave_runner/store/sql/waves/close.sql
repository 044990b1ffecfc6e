-- What the wave held and did not begin goes back as it was. Gives no row where a sweeper was first.
WITH closed AS (
    UPDATE waves SET closed_at = clock_timestamp() WHERE wave_id = %(wave_id)s AND closed_at IS NULL RETURNING wave_id
), given_back AS (
    UPDATE interactions SET wave_id = NULL
    WHERE wave_id = (SELECT wave_id FROM closed) AND state = 'pending'
)
SELECT wave_id FROM closed
