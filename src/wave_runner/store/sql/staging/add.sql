INSERT INTO staged_records (run_id, interaction_id, collection, source, position, raw)
SELECT %(run_id)s, %(interaction_id)s, %(collection)s, source, position, raw
FROM unnest(%(sources)s::text[], %(positions)s::json[], %(raws)s::json[]) AS given (source, position, raw)
