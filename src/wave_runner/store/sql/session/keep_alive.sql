-- For a session that is ours alone: how soon the server notices that a host is gone which could not say farewell. Until then
-- it keeps the session, and what that has locked.
SELECT set_config('tcp_keepalives_idle', %(tcp_keepalives_idle)s, false),
       set_config('tcp_keepalives_interval', %(tcp_keepalives_interval)s, false),
       set_config('tcp_keepalives_count', %(tcp_keepalives_count)s, false),
       set_config('tcp_user_timeout', %(tcp_user_timeout)s, false)
