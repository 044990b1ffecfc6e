-- How often each model was loaded on each server, and what its last hundred loads took, in the middle.
SELECT l.server, l.model, l.loads, m.load_s
FROM (SELECT server, model, count(*) AS loads FROM visits WHERE loaded GROUP BY server, model) AS l
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY load_us) / 1000000 AS load_s
    FROM (SELECT load_us FROM visits WHERE server = l.server AND model = l.model AND loaded
          ORDER BY visit_id DESC LIMIT 100) AS newest
) AS m
ORDER BY l.server, l.model
