-- What a record has been through, locked; how much of it is not finished.
SELECT count(*) FILTER (WHERE finished_at IS NULL) AS unfinished
FROM (SELECT finished_at FROM interactions WHERE record_id = %(record_id)s ORDER BY run_id, interaction_id FOR UPDATE) AS own
