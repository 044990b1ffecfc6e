SELECT interaction_id FROM interactions
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(ids)s::bigint[]) AND wave_id = %(wave_id)s
  AND state IN ('pending', 'running')
