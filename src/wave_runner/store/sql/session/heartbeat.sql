-- For one question of the heartbeat: without an address past the pooler the session is somebody else's in the next moment.
SELECT set_config('search_path', %(search_path)s, true), set_config('statement_timeout', %(statement_timeout)s, true)
