-- Whoever asks twice at once claims one task and no second one: the second question waits, and finds what the first has claimed.
SELECT pg_advisory_xact_lock(hashtextextended('wave claim ' || %(person)s, 0)) IS NULL AS waited
