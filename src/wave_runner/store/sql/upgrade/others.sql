-- Databases that somebody has made beside ours, as the superuser.
SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> ALL (%(ours)s) ORDER BY datname
