DELETE FROM server_owners WHERE server = %(server)s AND runner_id = %(runner_id)s
