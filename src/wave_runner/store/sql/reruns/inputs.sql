-- What interactions waited for, or read, besides their parents.
SELECT interaction_id, source_id FROM interaction_inputs
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(ids)s::bigint[])
