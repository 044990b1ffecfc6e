-- What is not as it was approved.
SELECT 'actor' AS of, a.name, a.policy, a.stopped, a.drifted_at, a.drifted_to_id IS NOT NULL AS changed, a.weights, a.weights_found
FROM actors a WHERE a.state = 'drifted'
UNION ALL
SELECT 'workflow', w.name, w.policy, w.stopped, w.drifted_at, true, NULL, NULL
FROM workflows w WHERE w.drifted_to_id IS NOT NULL
ORDER BY drifted_at, name
