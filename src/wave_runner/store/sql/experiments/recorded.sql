-- Of these results those that can be done once more: what they were given is recorded. The first of them, in the order that is given.
SELECT i.run_id, i.interaction_id, i.record_id, c.key, i.input
FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[]) WITH ORDINALITY AS g (run_id, interaction_id, n)
JOIN interactions i ON i.run_id = g.run_id AND i.interaction_id = g.interaction_id
JOIN records c ON c.record_id = i.record_id
WHERE i.input IS NOT NULL AND i.state IN ('completed', 'failed', 'quarantined')
ORDER BY g.n
LIMIT %(size)s
