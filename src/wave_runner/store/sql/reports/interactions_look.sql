-- How far a look at the newest interactions of a run has come: how many it has seen, and the oldest of them.
SELECT count(*) AS looked, min(interaction_id) AS oldest
FROM (
    SELECT interaction_id FROM interactions
    WHERE run_id = %(run_id)s AND interaction_id < %(before)s
    ORDER BY interaction_id DESC
    LIMIT %(look)s
) AS newest
