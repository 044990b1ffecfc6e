-- Nobody is known by these any more.
DELETE FROM sessions WHERE expires_at < now() - interval '1 day'
