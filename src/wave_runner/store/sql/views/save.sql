-- Nobody's view becomes another behind their back: a name that is taken on its page stays as it is. That there are no more than
-- so many is not exact: two that are saved at one moment do not see each other.
INSERT INTO saved_views (page, name, query, saved_by)
SELECT %(page)s, %(name)s, %(query)s, %(by)s
WHERE (SELECT count(*) FROM saved_views) < %(most)s
ON CONFLICT (page, name) DO NOTHING
RETURNING view_id, page, name, query, saved_by, saved_at
