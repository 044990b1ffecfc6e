SELECT i.interaction_id
FROM claimed c JOIN interactions i USING (run_id, interaction_id)
WHERE c.wave_id = %(wave_id)s AND c.interaction_id = ANY (%(ids)s::bigint[])
  AND (i.state = 'pending' OR (i.state = 'running' AND i.wave_id = %(wave_id)s))
