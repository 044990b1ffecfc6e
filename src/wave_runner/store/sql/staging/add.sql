-- A row that comes with errors was refused before it came here: it is rejected already, and its raw is what was kept of it.
INSERT INTO staged_records (run_id, interaction_id, collection, source, position, raw, errors, state, decided_at, decider_id)
SELECT %(run_id)s, %(interaction_id)s, %(collection)s, source, position, raw, errors,
       CASE WHEN errors = '[]' THEN 'waiting' ELSE 'rejected' END,
       CASE WHEN errors = '[]' THEN NULL ELSE clock_timestamp() END,
       CASE WHEN errors = '[]' THEN NULL ELSE %(interaction_id)s END
FROM unnest(%(sources)s::text[], %(positions)s::json[], %(raws)s::json[], %(errors)s::jsonb[])
    AS given (source, position, raw, errors)
