-- Every transaction: our schema first, one time zone for all texts that are hashed, and no transaction that stays open
-- when its process hangs. Said anew each time: behind a pooler the next one is in another session.
SELECT set_config('search_path', {search_path}, true),
       set_config('timezone', 'UTC', true),
       set_config('datestyle', 'ISO, YMD', true),
       set_config('idle_in_transaction_session_timeout', '5s', true)
