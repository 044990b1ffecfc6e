-- Locks those of a chunk that still are as they were picked and have not ended.
SELECT i.interaction_id
FROM unnest(%(ids)s::bigint[], %(seqs)s::int[]) AS g (interaction_id, seq)
JOIN interactions i ON i.run_id = %(run_id)s AND i.interaction_id = g.interaction_id AND i.seq = g.seq
WHERE i.state IN ('pending', 'running', 'waiting')
ORDER BY i.interaction_id
FOR UPDATE OF i
