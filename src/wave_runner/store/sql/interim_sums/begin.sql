-- The moment of a count, and the newest event that the run has then. For the rest of the transaction one statement may take so long, and
-- no helpers: they would come on top of the share of time that counting may have.
SELECT clock_timestamp() AS counted_at,
       (SELECT event_id FROM interaction_events WHERE run_id = %(run_id)s ORDER BY event_id DESC LIMIT 1) AS newest_event_id,
       set_config('statement_timeout', %(limit)s, true), set_config('max_parallel_workers_per_gather', '0', true)
