WITH given_back AS (
    DELETE FROM server_owners WHERE runner_id = %(runner_id)s
)
UPDATE runners SET ended_at = clock_timestamp() WHERE runner_id = %(runner_id)s
