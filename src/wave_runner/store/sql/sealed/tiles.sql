SELECT level, tile_index, hashes FROM log_tiles
WHERE (level, tile_index) IN (SELECT * FROM unnest(%(levels)s::smallint[], %(indexes)s::bigint[]))
