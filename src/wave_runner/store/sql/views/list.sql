SELECT view_id, page, name, query, saved_by, saved_at
FROM saved_views
WHERE page = ANY (%(pages)s)
ORDER BY page, lower(name), name
