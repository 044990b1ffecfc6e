-- What interactions of experiments are given: it stands with each from the beginning.
SELECT interaction_id, input FROM interactions
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(ids)s::bigint[])
