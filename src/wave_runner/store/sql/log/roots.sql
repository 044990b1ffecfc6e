SELECT root FROM log_tiles
WHERE level = %(level)s AND tile_index >= %(first)s AND tile_index < %(end)s
ORDER BY tile_index
