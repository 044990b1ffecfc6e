-- For a session that is ours alone: while it works on a statement the server looks whether anybody waits for the answer. Without
-- that it goes on to the end for a process that was killed, and what it has locked nobody else gets. A server on Windows cannot.
SELECT set_config('client_connection_check_interval', '3s', false) WHERE version() !~* 'windows|mingw|visual c'
