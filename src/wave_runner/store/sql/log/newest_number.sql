-- The last number that an event was given: what a snapshot from before this sees has none above it. NULL: there was none.
SELECT pg_sequence_last_value('event_ids') AS newest
