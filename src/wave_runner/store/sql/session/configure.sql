-- Every session: our schema first, one time zone for all texts that are hashed, and no transaction that
-- stays open when its process hangs.
SELECT set_config('search_path', %(search_path)s, false),
       set_config('timezone', 'UTC', false),
       set_config('datestyle', 'ISO, YMD', false),
       set_config('idle_in_transaction_session_timeout', '5s', false)
