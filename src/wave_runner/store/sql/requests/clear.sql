DELETE FROM http_requests WHERE asked_at < now() - interval '1 day'
