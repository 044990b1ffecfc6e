-- Notices that were given up since a receiver has last taken one.
SELECT min(given_up_at) AS since, count(*) AS n, (array_agg(trouble ORDER BY given_up_at DESC))[1] AS trouble
FROM notices WHERE given_up_at > coalesce((SELECT max(sent_at) FROM notices), '-infinity')
HAVING count(*) > 0
