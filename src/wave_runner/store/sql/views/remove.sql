DELETE FROM saved_views WHERE view_id = %(view_id)s
RETURNING view_id, page, name, query, saved_by, saved_at
