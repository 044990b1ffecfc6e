-- The newest flows of a record: what an event can be about that must not name its key.
SELECT correlation_id::text AS flow FROM run_records WHERE record_id = %(record_id)s ORDER BY run_id DESC LIMIT 100
