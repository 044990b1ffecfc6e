-- What this statement sees: what is committed later has changed since.
SELECT pg_current_snapshot()::text AS seen
