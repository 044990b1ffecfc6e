-- The model that was brought to each server last, by a runner that has not ended: of the newest visits, which are few.
SELECT DISTINCT ON (v.server, n.runner_id) v.server, v.model, n.host, n.pid, v.opened_at
FROM (SELECT * FROM visits ORDER BY visit_id DESC LIMIT %(newest)s) AS v
JOIN runners n ON n.runner_id = v.runner_id AND n.ended_at IS NULL
ORDER BY v.server, n.runner_id, v.visit_id DESC
