-- For the whole session, which the heartbeat has to itself.
SELECT set_config('search_path', %(search_path)s, false), set_config('statement_timeout', %(statement_timeout)s, false)
