INSERT INTO interaction_inputs (run_id, interaction_id, source_id)
SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(source_ids)s::bigint[])
ON CONFLICT DO NOTHING
