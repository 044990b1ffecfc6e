INSERT INTO log_tiles (level, tile_index, hashes, root)
SELECT * FROM unnest(%(level)s::smallint[], %(tile_index)s::bigint[], %(hashes)s::bytea[], %(root)s::bytea[])
