-- Nobody is known by these any more.
DELETE FROM http_sessions WHERE expires_at < now() - interval '1 day'
