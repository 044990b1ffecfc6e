SELECT request_no FROM requests WHERE status <> 'Closed'
