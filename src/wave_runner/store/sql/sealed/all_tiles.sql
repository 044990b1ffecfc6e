SELECT level, tile_index, hashes, root FROM log_tiles
WHERE (level, tile_index) > (%(level)s, %(after)s)
ORDER BY level, tile_index
LIMIT %(most)s
