SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY schemaname, sequencename
