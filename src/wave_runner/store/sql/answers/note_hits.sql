INSERT INTO hits (run_id, interaction_id, source_run_id, source_id, tokens, service_us)
SELECT * FROM unnest(%(run_ids)s::bigint[], %(ids)s::bigint[], %(source_run_ids)s::bigint[], %(source_ids)s::bigint[],
                     %(tokens)s::bigint[], %(service_us)s::bigint[])
