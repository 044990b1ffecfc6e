DELETE FROM requests WHERE asked_at < now() - interval '1 day'
