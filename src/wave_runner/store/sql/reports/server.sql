SELECT current_database() AS database, current_user AS role, current_setting('server_version') AS version
